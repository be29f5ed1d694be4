-- One row for every offset of clicks.raw: clicks, orphans, heartbeats and undecodable records alike.
-- `events` is the ledger: what stands here is what was counted, Kafka's committed offset is only a hint.

-- The fence: the last nonce written for a partition is the only one whose inserts are taken. It is kept in memory on
-- purpose: after a restart of ClickHouse every writer has to fence again.
CREATE TABLE IF NOT EXISTS fences
(
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made',
    kafka_partition UInt16 COMMENT 'Partition of the topic',
    nonce UInt64 COMMENT 'Random number of the writer that owns the partition'
)
ENGINE = Join(ANY, LEFT, topic_id, kafka_partition)
SETTINGS join_any_take_last_row = 1, persistent = 0
COMMENT 'Who may write a partition of events; empty after a restart of ClickHouse, so that every writer fences again';

CREATE TABLE IF NOT EXISTS events
(
    -- Where the record stands in the log, and how it came here
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made; a topic made again is a new ledger',
    kafka_partition UInt16 COMMENT 'Partition of clicks.raw',
    kafka_offset UInt64 COMMENT 'Offset in that partition; unique with topic_id, kafka_partition and edition' CODEC(Delta, ZSTD(1)),
    edition UInt32 COMMENT 'Which judging of history the row belongs to; 0 is the live one' CODEC(ZSTD(1)),
    append_time DateTime64(3, 'UTC') COMMENT 'When Kafka appended the record' CODEC(Delta, ZSTD(1)),
    batch_time DateTime('UTC') COMMENT 'append_time of the batch, never running backwards within a partition; orders the table' CODEC(Delta, ZSTD(1)),
    fence UInt64 COMMENT 'Nonce of the writer' CODEC(ZSTD(1)),

    -- What it is
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; every row has one, clicks are suspect and human',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    score UInt8 COMMENT 'How sure the rules are that this was no person, 0 to 100',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason that fired',
    rules_version LowCardinality(String) COMMENT 'Version of the rules that judged and named the channel',

    -- Who made the event
    src UInt64 COMMENT 'Start id of the redirector process, 40 bits; of an import: of the file' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Counter of that process, from 1 without gaps; of an import: the line' CODEC(Delta, ZSTD(1)),
    mark UInt64 COMMENT 'Heartbeat: all seq up to it are acknowledged. Close: the last seq' CODEC(ZSTD(1)),
    resent UInt8 COMMENT '1: produced again or imported, so it was looked up before it was counted' CODEC(ZSTD(1)),
    ts DateTime64(3, 'UTC') COMMENT 'When the request arrived' CODEC(Delta, ZSTD(1)),
    click_id UUID ALIAS reinterpretAsUUID(bitOr(
        bitShiftLeft(toUInt128(bitOr(bitOr(bitShiftLeft(toUInt64(2), 62), bitShiftLeft(bitAnd(src, 0xFFFFFFF), 34)), seq)), 64),
        toUInt128(bitOr(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(ts)), 16), toUInt64(0x7000)), bitShiftRight(src, 28))))) COMMENT 'UUIDv7 of ts, src and seq: worked out, not stored',

    -- The link
    domain LowCardinality(String) COMMENT 'Host that was asked',
    path String COMMENT 'Path that was asked, as spelled' CODEC(ZSTD(1)),
    status UInt16 COMMENT 'HTTP status of the answer' CODEC(ZSTD(1)),
    link_id UInt64 COMMENT 'First 64 bits of SHA-256 over domain/slug; shown as 16 hexadecimal digits' CODEC(ZSTD(1)),
    link_version UInt32 COMMENT 'Version of the link that answered' CODEC(ZSTD(1)),
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    destination String COMMENT 'Where the visitor was sent, values of click ids blanked' CODEC(ZSTD(1)),

    -- The client
    network String COMMENT 'Network of the client: IPv4 /24, IPv6 /48' CODEC(ZSTD(1)),
    address_id UInt64 COMMENT 'Keyed hash of the address, one salt a day; 0: none' CODEC(ZSTD(1)),
    visitor_id UInt64 COMMENT 'Keyed hash of address, user agent and domain, one salt a day; 0: none' CODEC(ZSTD(1)),
    salt_day Date COMMENT 'Day of that salt in the installation''s time zone; visitors are unique within it' CODEC(Delta, ZSTD(1)),
    salt_local UInt8 COMMENT '1: the salt of one redirector alone, the shared one was not to be had' CODEC(ZSTD(1)),
    opted_out UInt8 COMMENT '1: Sec-GPC or DNT was sent; no ids, recipient, referrer path or city' CODEC(ZSTD(1)),
    user_agent String COMMENT 'User-Agent, at most 512 bytes' CODEC(ZSTD(1)),
    hints Map(LowCardinality(String), String) COMMENT 'Client hints by header name without sec-ch-ua-' CODEC(ZSTD(1)),
    referrer String COMMENT 'Referer, at most 1,024 bytes' CODEC(ZSTD(1)),
    accept_language String COMMENT 'Accept-Language as sent' CODEC(ZSTD(1)),
    purpose LowCardinality(String) COMMENT 'Purpose headers that were sent',
    query String COMMENT 'Raw query without w_ parameters, values of click ids blanked' CODEC(ZSTD(1)),

    -- Where on the page or in the mail
    position UInt16 COMMENT '1-based position of the link; 0: unknown' CODEC(ZSTD(1)),
    position_of UInt16 COMMENT 'How many positions there are; 0: unknown' CODEC(ZSTD(1)),
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    message_id String COMMENT 'w_msg: the message that held the link' CODEC(ZSTD(1)),
    recipient_id String COMMENT 'w_rcpt: its recipient, pseudonymous' CODEC(ZSTD(1)),
    sent_at DateTime('UTC') COMMENT 'w_sent: when the message was sent; 1970-01-01: unknown' CODEC(ZSTD(1)),
    asked_channel LowCardinality(String) COMMENT 'w_ch as sent',
    qr UInt8 COMMENT '1: a scan of a QR code' CODEC(ZSTD(1)),
    trap UInt8 COMMENT '1: a hidden link that people do not see' CODEC(ZSTD(1)),

    -- What the stream added
    device Enum8('other' = 0, 'desktop' = 1, 'mobile' = 2, 'tablet' = 3, 'tv' = 4, 'console' = 5, 'wearable' = 6, 'car' = 7) COMMENT 'Class of the device',
    device_brand LowCardinality(String) COMMENT 'Maker of the device',
    browser LowCardinality(String) COMMENT 'Browser family',
    browser_version LowCardinality(String) COMMENT 'Its version, major and minor',
    os LowCardinality(String) COMMENT 'Operating system family',
    os_version LowCardinality(String) COMMENT 'Its version, major and minor',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2, from the network; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision, English name',
    city LowCardinality(String) COMMENT 'City, English name',
    asn UInt32 COMMENT 'Autonomous system of the network; 0: unknown' CODEC(ZSTD(1)),
    as_name LowCardinality(String) COMMENT 'Its organisation',
    referrer_host LowCardinality(String) COMMENT 'Host of the referrer, lower-case, without www.',
    referrer_domain LowCardinality(String) COMMENT 'Its registrable domain by the public suffix list',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google or Gmail; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source; as spelled it stands in query',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    utm_term String COMMENT 'Canonical utm_term' CODEC(ZSTD(1)),
    utm_content String COMMENT 'Canonical utm_content' CODEC(ZSTD(1)),
    utm_source_raw String COMMENT 'utm_source as spelled, percent-decoded' CODEC(ZSTD(1)),
    utm_medium_raw String COMMENT 'utm_medium as spelled, percent-decoded' CODEC(ZSTD(1)),
    utm_campaign_raw String COMMENT 'utm_campaign as spelled, percent-decoded' CODEC(ZSTD(1)),
    utm_term_raw String COMMENT 'utm_term as spelled, percent-decoded' CODEC(ZSTD(1)),
    utm_content_raw String COMMENT 'utm_content as spelled, percent-decoded' CODEC(ZSTD(1)),
    ad_click LowCardinality(String) COMMENT 'Name of the click-id parameter that was there, as gclid; its value is not kept',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    placement Enum8('unknown' = 0, '1st 20%' = 1, '2nd 20%' = 2, '3rd 20%' = 3, '4th 20%' = 4, '5th 20%' = 5) COMMENT 'Fifth of the page or mail in which the position lies',
    language LowCardinality(String) COMMENT 'First language of Accept-Language, as en or pt-br',
    extra Map(LowCardinality(String), String) COMMENT 'Fields of the users'' own enrichers' CODEC(ZSTD(1)),

    CONSTRAINT fenced CHECK fence > 0 AND fence = joinGet('{database}.fences', 'nonce', topic_id, kafka_partition),
    INDEX src_set src TYPE set(100) GRANULARITY 4,
    PROJECTION ledger
    (
        SELECT topic_id, kafka_partition, edition, count(), min(kafka_offset), max(kafka_offset), max(batch_time)
        GROUP BY topic_id, kafka_partition, edition
    )
)
ENGINE = MergeTree
PARTITION BY (toYYYYMM(batch_time), edition)
ORDER BY (toDate(batch_time), link_id, ts)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every record of clicks.raw, one row each: the raw table and the ledger';
