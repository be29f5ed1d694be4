-- Editions: history that was judged again, beside the rows as they were first judged (edition 0, which stays for ever and
-- is the ledger). Nothing of an edition is in an answer before it is switched to.

-- What `weir replay` has begun: a range of offsets in each partition, an array each with a place for every partition.
CREATE TABLE IF NOT EXISTS replays
(
    edition UInt32 COMMENT 'Number of the edition, from 1',
    state Enum8('writing' = 1, 'written' = 2, 'dropped' = 3) COMMENT 'written: complete, as was checked; dropped: its rows are gone',
    asked_from DateTime64(3, 'UTC') COMMENT 'Start of the range, by the time at which Kafka took the records',
    asked_to DateTime64(3, 'UTC') COMMENT 'Its end, which does not belong to it; 1970-01-01: the time of the start',
    rules_version LowCardinality(String) COMMENT 'Version of the rules that judge it',
    topics Array(UUID) COMMENT 'Topics in the range, as Kafka''s ids',
    width UInt32 COMMENT 'Partitions a topic has in the next two arrays',
    firsts Array(UInt64) COMMENT 'First offset of each partition, topic by topic',
    lasts Array(UInt64) COMMENT 'Last offset of the same; lower than the first: none',
    started_at DateTime64(3, 'UTC') COMMENT 'When it was begun',
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When this row was written; the last one counts'
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY edition
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The editions of history, one row each once merged';

-- What became different, a row for each piece that was judged again. It is written before the piece's rows, so a crash in
-- between writes it a second time, and the table keeps one.
CREATE TABLE IF NOT EXISTS replay_changes
(
    edition UInt32 COMMENT 'Edition that the piece belongs to',
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made',
    kafka_partition UInt16 COMMENT 'Partition of the topic',
    first UInt64 COMMENT 'First offset of the piece',
    last UInt64 COMMENT 'Its last offset',
    rows UInt64 COMMENT 'Rows of the piece',
    changed UInt64 COMMENT 'Rows of which anything but rules_version is another than in the answers so far',
    changes Nested
    (
        what LowCardinality(String),
        before String,
        after String,
        rows UInt64
    ) COMMENT 'What is different, from what to what, and in how many rows',
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When this row was written; the last one counts'
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (edition, topic_id, kafka_partition, first)
COMMENT 'The difference between an edition and the answers before it';

-- Which edition is in the answers where: the row with the highest version has all of it, so a switch is one insert of one
-- row. `layer` n is edition `numbers[n]` within a topic, from firsts[(n - 1) * width + partition + 1] to lasts[the same];
-- layers never overlap, and what is in none is edition 0.
CREATE TABLE IF NOT EXISTS editions
(
    version UInt64 COMMENT 'One higher with each switch; the highest counts',
    switch UUID COMMENT 'Who made this row: of two that try the same version at once, one finds the other''s',
    why String COMMENT 'What was done, in words',
    stack Array(UInt32) COMMENT 'The editions that are switched to; where two overlap, the later one counts',
    topics Array(UUID) COMMENT 'Topic of each layer',
    numbers Array(UInt32) COMMENT 'Edition of each layer',
    width UInt32 COMMENT 'Partitions a layer has in the next two arrays',
    firsts Array(UInt64) COMMENT 'First offset of each layer''s partitions, layer by layer',
    lasts Array(UInt64) COMMENT 'Last offset of the same; lower than the first: none',
    switched_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was done'
)
ENGINE = MergeTree
ORDER BY version
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Which edition of history the answers are made of; empty: the rows as they were first judged';

-- The views show the rows that are in the answers. While nothing is switched this costs nothing: it is worked out before
-- the statement is planned, as are the arrays.
CREATE OR REPLACE VIEW v_events
(
    time DateTime64(3, 'UTC') COMMENT 'When the request arrived',
    click_id UUID COMMENT 'Id of the click, a UUIDv7',
    kind LowCardinality(String) COMMENT 'What happened at the redirector: click, orphan, expired, disabled, heartbeat, close, unknown',
    outcome LowCardinality(String) COMMENT 'What it counts as; clicks are suspect and human',
    verdict LowCardinality(String) COMMENT 'Class of the strongest reason: human, suspect, bot, prefetch; none: nothing to judge',
    score UInt8 COMMENT 'How sure the rules are that this was no person, 0 to 100',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason that fired',
    rules_version LowCardinality(String) COMMENT 'Version of the rules that judged and named the channel',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    path String COMMENT 'Path that was asked, as spelled',
    status UInt16 COMMENT 'HTTP status of the answer',
    link_id String COMMENT 'Id of the link, 16 hexadecimal digits',
    slug String COMMENT 'Slug of the link; empty: there is none',
    title String COMMENT 'Title of the link as it is now',
    campaign String COMMENT 'Campaign of the link as it is now',
    tags Array(String) COMMENT 'Tags of the link as they are now',
    link_version UInt32 COMMENT 'Version of the link that answered',
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    destination String COMMENT 'Where the visitor was sent, values of click ids blanked',
    visitor_id UInt64 COMMENT 'The visitor, of this domain and within salt_day only; 0: unknown',
    salt_day Date COMMENT 'Day within which visitor_id means something',
    network String COMMENT 'Network of the client: IPv4 /24, IPv6 /48',
    opted_out Bool COMMENT 'Sec-GPC or DNT was sent: no ids, recipient, referrer path or city',
    device LowCardinality(String) COMMENT 'Class of the device: desktop, mobile, tablet, tv, console, wearable, car, other',
    device_brand LowCardinality(String) COMMENT 'Maker of the device',
    browser LowCardinality(String) COMMENT 'Browser family',
    browser_version LowCardinality(String) COMMENT 'Its version, major and minor',
    os LowCardinality(String) COMMENT 'Operating system family',
    os_version LowCardinality(String) COMMENT 'Its version, major and minor',
    language LowCardinality(String) COMMENT 'First language that the client accepts, as en or pt-br',
    user_agent String COMMENT 'User-Agent, at most 512 bytes',
    country LowCardinality(String) COMMENT 'Country, ISO 3166-1 alpha-2; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision of the country, English name',
    city LowCardinality(String) COMMENT 'City, English name',
    asn UInt32 COMMENT 'Autonomous system of the network; 0: unknown',
    as_name LowCardinality(String) COMMENT 'Its organisation',
    referrer String COMMENT 'Referer, at most 1,024 bytes',
    referrer_host LowCardinality(String) COMMENT 'Host of the referrer, lower-case, without www.',
    referrer_domain LowCardinality(String) COMMENT 'Its registrable domain',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google or Gmail; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    utm_term String COMMENT 'Canonical utm_term',
    utm_content String COMMENT 'Canonical utm_content',
    ad_click LowCardinality(String) COMMENT 'Name of the click-id parameter that was there, as gclid',
    query String COMMENT 'Raw query, values of click ids blanked',
    position UInt16 COMMENT '1-based position of the link on its page or in its mail; 0: unknown',
    position_of UInt16 COMMENT 'How many positions there are; 0: unknown',
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    placement LowCardinality(String) COMMENT 'Fifth of the page or mail in which the position lies',
    message_id String COMMENT 'Message that held the link',
    recipient_id String COMMENT 'Its recipient, pseudonymous',
    sent_at DateTime('UTC') COMMENT 'When the message was sent; 1970-01-01: unknown',
    qr Bool COMMENT 'A scan of a QR code',
    trap Bool COMMENT 'A hidden link that people do not see',
    extra Map(LowCardinality(String), String) COMMENT 'Fields of the users'' own enrichers',
    kafka_partition UInt16 COMMENT 'Partition of clicks.raw',
    kafka_offset UInt64 COMMENT 'Offset in that partition',
    append_time DateTime64(3, 'UTC') COMMENT 'When Kafka appended the record'
)
AS WITH
    (SELECT argMax((topics, numbers, width, firsts, lasts), version) FROM {database}.editions) AS switched
SELECT
    e.ts AS time, e.click_id AS click_id,
    toString(e.kind) AS kind, toString(e.outcome) AS outcome, toString(e.verdict) AS verdict,
    e.score AS score, e.reasons AS reasons, e.rules_version AS rules_version, e.channel AS channel,
    e.domain AS domain, e.path AS path, e.status AS status,
    lower(leftPad(hex(e.link_id), 16, '0')) AS link_id,
    dictGetOrDefault('{database}.links_dict', 'slug', e.link_id, '') AS slug,
    dictGetOrDefault('{database}.links_dict', 'title', e.link_id, '') AS title,
    dictGetOrDefault('{database}.links_dict', 'campaign', e.link_id, '') AS campaign,
    dictGetOrDefault('{database}.links_dict', 'tags', e.link_id, CAST([], 'Array(String)')) AS tags,
    e.link_version AS link_version, e.variant AS variant, e.destination AS destination,
    e.visitor_id AS visitor_id, e.salt_day AS salt_day, e.network AS network, e.opted_out AS opted_out,
    toString(e.device) AS device, e.device_brand AS device_brand, e.browser AS browser,
    e.browser_version AS browser_version, e.os AS os, e.os_version AS os_version,
    e.language AS language, e.user_agent AS user_agent,
    e.country AS country, e.region AS region, e.city AS city, e.asn AS asn, e.as_name AS as_name,
    e.referrer AS referrer, e.referrer_host AS referrer_host, e.referrer_domain AS referrer_domain,
    e.referrer_source AS referrer_source,
    e.utm_source AS utm_source, e.utm_medium AS utm_medium, e.utm_campaign AS utm_campaign,
    e.utm_term AS utm_term, e.utm_content AS utm_content, e.ad_click AS ad_click, e.query AS query,
    e.position AS position, e.position_of AS position_of, e.slot AS slot, toString(e.placement) AS placement,
    e.message_id AS message_id, e.recipient_id AS recipient_id, e.sent_at AS sent_at,
    e.qr AS qr, e.trap AS trap, e.extra AS extra,
    e.kafka_partition AS kafka_partition, e.kafka_offset AS kafka_offset, e.append_time AS append_time
FROM {database}.events AS e
WHERE if(empty(switched.1), e.edition = 0, e.edition = arraySum(
    layer -> if(
        e.topic_id = (switched.1)[layer] AND e.kafka_partition < switched.3
            AND e.kafka_offset BETWEEN (switched.4)[(layer - 1) * switched.3 + e.kafka_partition + 1]
                AND (switched.5)[(layer - 1) * switched.3 + e.kafka_partition + 1],
        (switched.2)[layer], 0),
    arrayEnumerate(switched.1)))
COMMENT 'Every record of clicks.raw: clicks, bots, repeats, orphans, heartbeats and undecodable records';

CREATE OR REPLACE VIEW v_clicks
(
    time DateTime64(3, 'UTC') COMMENT 'When the request arrived',
    click_id UUID COMMENT 'Id of the click, a UUIDv7',
    kind LowCardinality(String) COMMENT 'What happened at the redirector: click, orphan, expired, disabled, heartbeat, close, unknown',
    outcome LowCardinality(String) COMMENT 'What it counts as; clicks are suspect and human',
    verdict LowCardinality(String) COMMENT 'Class of the strongest reason: human, suspect, bot, prefetch; none: nothing to judge',
    score UInt8 COMMENT 'How sure the rules are that this was no person, 0 to 100',
    reasons Array(LowCardinality(String)) COMMENT 'Every reason that fired',
    rules_version LowCardinality(String) COMMENT 'Version of the rules that judged and named the channel',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    path String COMMENT 'Path that was asked, as spelled',
    status UInt16 COMMENT 'HTTP status of the answer',
    link_id String COMMENT 'Id of the link, 16 hexadecimal digits',
    slug String COMMENT 'Slug of the link; empty: there is none',
    title String COMMENT 'Title of the link as it is now',
    campaign String COMMENT 'Campaign of the link as it is now',
    tags Array(String) COMMENT 'Tags of the link as they are now',
    link_version UInt32 COMMENT 'Version of the link that answered',
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    destination String COMMENT 'Where the visitor was sent, values of click ids blanked',
    visitor_id UInt64 COMMENT 'The visitor, of this domain and within salt_day only; 0: unknown',
    salt_day Date COMMENT 'Day within which visitor_id means something',
    network String COMMENT 'Network of the client: IPv4 /24, IPv6 /48',
    opted_out Bool COMMENT 'Sec-GPC or DNT was sent: no ids, recipient, referrer path or city',
    device LowCardinality(String) COMMENT 'Class of the device: desktop, mobile, tablet, tv, console, wearable, car, other',
    device_brand LowCardinality(String) COMMENT 'Maker of the device',
    browser LowCardinality(String) COMMENT 'Browser family',
    browser_version LowCardinality(String) COMMENT 'Its version, major and minor',
    os LowCardinality(String) COMMENT 'Operating system family',
    os_version LowCardinality(String) COMMENT 'Its version, major and minor',
    language LowCardinality(String) COMMENT 'First language that the client accepts, as en or pt-br',
    user_agent String COMMENT 'User-Agent, at most 512 bytes',
    country LowCardinality(String) COMMENT 'Country, ISO 3166-1 alpha-2; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision of the country, English name',
    city LowCardinality(String) COMMENT 'City, English name',
    asn UInt32 COMMENT 'Autonomous system of the network; 0: unknown',
    as_name LowCardinality(String) COMMENT 'Its organisation',
    referrer String COMMENT 'Referer, at most 1,024 bytes',
    referrer_host LowCardinality(String) COMMENT 'Host of the referrer, lower-case, without www.',
    referrer_domain LowCardinality(String) COMMENT 'Its registrable domain',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google or Gmail; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    utm_term String COMMENT 'Canonical utm_term',
    utm_content String COMMENT 'Canonical utm_content',
    ad_click LowCardinality(String) COMMENT 'Name of the click-id parameter that was there, as gclid',
    query String COMMENT 'Raw query, values of click ids blanked',
    position UInt16 COMMENT '1-based position of the link on its page or in its mail; 0: unknown',
    position_of UInt16 COMMENT 'How many positions there are; 0: unknown',
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    placement LowCardinality(String) COMMENT 'Fifth of the page or mail in which the position lies',
    message_id String COMMENT 'Message that held the link',
    recipient_id String COMMENT 'Its recipient, pseudonymous',
    sent_at DateTime('UTC') COMMENT 'When the message was sent; 1970-01-01: unknown',
    qr Bool COMMENT 'A scan of a QR code',
    trap Bool COMMENT 'A hidden link that people do not see',
    extra Map(LowCardinality(String), String) COMMENT 'Fields of the users'' own enrichers',
    kafka_partition UInt16 COMMENT 'Partition of clicks.raw',
    kafka_offset UInt64 COMMENT 'Offset in that partition',
    append_time DateTime64(3, 'UTC') COMMENT 'When Kafka appended the record'
)
AS WITH
    (SELECT argMax((topics, numbers, width, firsts, lasts), version) FROM {database}.editions) AS switched
SELECT
    e.ts AS time, e.click_id AS click_id,
    toString(e.kind) AS kind, toString(e.outcome) AS outcome, toString(e.verdict) AS verdict,
    e.score AS score, e.reasons AS reasons, e.rules_version AS rules_version, e.channel AS channel,
    e.domain AS domain, e.path AS path, e.status AS status,
    lower(leftPad(hex(e.link_id), 16, '0')) AS link_id,
    dictGetOrDefault('{database}.links_dict', 'slug', e.link_id, '') AS slug,
    dictGetOrDefault('{database}.links_dict', 'title', e.link_id, '') AS title,
    dictGetOrDefault('{database}.links_dict', 'campaign', e.link_id, '') AS campaign,
    dictGetOrDefault('{database}.links_dict', 'tags', e.link_id, CAST([], 'Array(String)')) AS tags,
    e.link_version AS link_version, e.variant AS variant, e.destination AS destination,
    e.visitor_id AS visitor_id, e.salt_day AS salt_day, e.network AS network, e.opted_out AS opted_out,
    toString(e.device) AS device, e.device_brand AS device_brand, e.browser AS browser,
    e.browser_version AS browser_version, e.os AS os, e.os_version AS os_version,
    e.language AS language, e.user_agent AS user_agent,
    e.country AS country, e.region AS region, e.city AS city, e.asn AS asn, e.as_name AS as_name,
    e.referrer AS referrer, e.referrer_host AS referrer_host, e.referrer_domain AS referrer_domain,
    e.referrer_source AS referrer_source,
    e.utm_source AS utm_source, e.utm_medium AS utm_medium, e.utm_campaign AS utm_campaign,
    e.utm_term AS utm_term, e.utm_content AS utm_content, e.ad_click AS ad_click, e.query AS query,
    e.position AS position, e.position_of AS position_of, e.slot AS slot, toString(e.placement) AS placement,
    e.message_id AS message_id, e.recipient_id AS recipient_id, e.sent_at AS sent_at,
    e.qr AS qr, e.trap AS trap, e.extra AS extra,
    e.kafka_partition AS kafka_partition, e.kafka_offset AS kafka_offset, e.append_time AS append_time
FROM {database}.events AS e
WHERE if(empty(switched.1), e.edition = 0, e.edition = arraySum(
    layer -> if(
        e.topic_id = (switched.1)[layer] AND e.kafka_partition < switched.3
            AND e.kafka_offset BETWEEN (switched.4)[(layer - 1) * switched.3 + e.kafka_partition + 1]
                AND (switched.5)[(layer - 1) * switched.3 + e.kafka_partition + 1],
        (switched.2)[layer], 0),
    arrayEnumerate(switched.1)))
    AND e.outcome IN ('suspect', 'human')
COMMENT 'The counted clicks: people, and what may be people';
