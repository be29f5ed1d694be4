-- Rollups: `events` projected on some columns with a count. Which of their rows are in the answers is said by `rolls`;
-- rows under any other seal are of a roll that was never published, or that a later one has taken the place of.

-- The books, one a family: each row follows the one that it names, and the fold of all of them says what is sealed. A roll
-- is published by one insert of one row, whose token only one writer can use.
CREATE TABLE IF NOT EXISTS rolls
(
    family LowCardinality(String) COMMENT 'Family of rollups whose book this is',
    number UInt64 COMMENT 'One higher with each roll of the family; the book is what all of them say together',
    roll UUID COMMENT 'Id of the roll',
    follows UUID COMMENT 'Id of the roll that it was made after; zeros: it is the first',
    whole UInt8 COMMENT '1: it says everything, so that no roll before it is read any more',
    why LowCardinality(String) COMMENT 'What was done, in a word or two',
    switch UInt64 COMMENT 'Version in `editions` that it was made under: under another one only frozen units count',
    zone LowCardinality(String) COMMENT 'Zone whose days the units are; empty: they are hours of UTC',
    topics Array(UUID) COMMENT 'Topic of each layer of the clock: the offsets of `events` that are counted so far',
    width UInt32 COMMENT 'Partitions a layer has in the next two arrays',
    starts Array(UInt64) COMMENT 'First offset of each layer''s partitions, layer by layer',
    ends Array(UInt64) COMMENT 'The offset after the last one of the same; as the first: none',
    units Nested
    (
        start DateTime('UTC'),
        seal UInt64,
        events UInt64,
        frozen UInt8
    ) COMMENT 'Units that are another than before: start, seal (0: open, so that `events` is read), how many events of it the clock has, and whether it is never made anew',
    rolled_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written'
)
ENGINE = MergeTree
ORDER BY (family, number)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'What is rolled up of each family of rollups, and up to where';

CREATE TABLE IF NOT EXISTS rollup_channels
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the quarter of an hour' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (toDate(ts), domain, ts, channel, referrer_source, utm_source, utm_medium, utm_campaign, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by quarter of an hour, domain and channel and source';

CREATE TABLE IF NOT EXISTS rollup_geo
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the quarter of an hour' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision, English name',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (toDate(ts), domain, ts, country, region, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by quarter of an hour, domain and country and region';

CREATE TABLE IF NOT EXISTS rollup_devices
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the quarter of an hour' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    device Enum8('other' = 0, 'desktop' = 1, 'mobile' = 2, 'tablet' = 3, 'tv' = 4, 'console' = 5, 'wearable' = 6, 'car' = 7) COMMENT 'Class of the device',
    os LowCardinality(String) COMMENT 'Operating system family',
    browser LowCardinality(String) COMMENT 'Browser family',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (toDate(ts), domain, ts, device, os, browser, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by quarter of an hour, domain and device, system and browser';

CREATE TABLE IF NOT EXISTS rollup_positions
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the quarter of an hour' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    position UInt16 COMMENT '1-based position of the link; 0: unknown' CODEC(ZSTD(1)),
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    placement Enum8('unknown' = 0, '1st 20%' = 1, '2nd 20%' = 2, '3rd 20%' = 3, '4th 20%' = 4, '5th 20%' = 5) COMMENT 'Fifth of the page or mail in which the position lies',
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (toDate(ts), domain, ts, position, slot, placement, variant, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by quarter of an hour, domain and position and variant';

CREATE TABLE IF NOT EXISTS rollup_links
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the hour' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    link_id UInt64 COMMENT 'First 64 bits of SHA-256 over domain/slug; shown as 16 hexadecimal digits' CODEC(ZSTD(1)),
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (toDate(ts), domain, link_id, ts, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by hour, domain and link';

CREATE TABLE IF NOT EXISTS rollup_day_channels
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), Date, UInt64) COMMENT 'State of (salt_day, visitor_id) of the counted clicks whose visitor is known' CODEC(ZSTD(1)),
    visitor_clicks UInt64 COMMENT 'How many such clicks' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, channel, referrer_source, utm_source, utm_medium, utm_campaign, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and channel and source';

CREATE TABLE IF NOT EXISTS rollup_day_geo
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision, English name',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), Date, UInt64) COMMENT 'State of (salt_day, visitor_id) of the counted clicks whose visitor is known' CODEC(ZSTD(1)),
    visitor_clicks UInt64 COMMENT 'How many such clicks' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, country, region, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and country and region';

CREATE TABLE IF NOT EXISTS rollup_day_devices
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    device Enum8('other' = 0, 'desktop' = 1, 'mobile' = 2, 'tablet' = 3, 'tv' = 4, 'console' = 5, 'wearable' = 6, 'car' = 7) COMMENT 'Class of the device',
    os LowCardinality(String) COMMENT 'Operating system family',
    browser LowCardinality(String) COMMENT 'Browser family',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), Date, UInt64) COMMENT 'State of (salt_day, visitor_id) of the counted clicks whose visitor is known' CODEC(ZSTD(1)),
    visitor_clicks UInt64 COMMENT 'How many such clicks' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, device, os, browser, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and device, system and browser';

CREATE TABLE IF NOT EXISTS rollup_day_positions
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    position UInt16 COMMENT '1-based position of the link; 0: unknown' CODEC(ZSTD(1)),
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    placement Enum8('unknown' = 0, '1st 20%' = 1, '2nd 20%' = 2, '3rd 20%' = 3, '4th 20%' = 4, '5th 20%' = 5) COMMENT 'Fifth of the page or mail in which the position lies',
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniqCombined64(14), Date, UInt64) COMMENT 'State of (salt_day, visitor_id) of the counted clicks whose visitor is known' CODEC(ZSTD(1)),
    visitor_clicks UInt64 COMMENT 'How many such clicks' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, position, slot, placement, variant, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and position and variant';

CREATE TABLE IF NOT EXISTS rollup_day_cube
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    device Enum8('other' = 0, 'desktop' = 1, 'mobile' = 2, 'tablet' = 3, 'tv' = 4, 'console' = 5, 'wearable' = 6, 'car' = 7) COMMENT 'Class of the device',
    country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; empty: unknown',
    placement Enum8('unknown' = 0, '1st 20%' = 1, '2nd 20%' = 2, '3rd 20%' = 3, '4th 20%' = 4, '5th 20%' = 5) COMMENT 'Fifth of the page or mail in which the position lies',
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, channel, device, country, placement, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and channel, device, country and placement together';

CREATE TABLE IF NOT EXISTS rollup_day_links
(
    seal UInt64 COMMENT 'The unit and the roll that the row belongs to; counted only while the book names it' CODEC(ZSTD(1)),
    ts DateTime('UTC') COMMENT 'Start of the day of the installation''s zone' CODEC(Delta, ZSTD(1)),
    domain LowCardinality(String) COMMENT 'Host that was asked',
    link_id UInt64 COMMENT 'First 64 bits of SHA-256 over domain/slug; shown as 16 hexadecimal digits' CODEC(ZSTD(1)),
    kind Enum8('click' = 1, 'orphan' = 2, 'expired' = 3, 'disabled' = 4, 'heartbeat' = 5, 'close' = 6, 'unknown' = 7) COMMENT 'What happened at the redirector; unknown: undecodable',
    verdict Enum8('none' = 0, 'human' = 1, 'suspect' = 2, 'bot' = 3, 'prefetch' = 4) COMMENT 'Class of the strongest reason; none: nothing to judge',
    outcome Enum8('dead' = 1, 'source' = 2, 'orphan' = 3, 'expired' = 4, 'disabled' = 5, 'duplicate' = 6, 'bot' = 7, 'prefetch' = 8, 'repeat' = 9, 'suspect' = 10, 'human' = 11) COMMENT 'What it counts as; clicks are suspect and human',
    n UInt64 COMMENT 'How many events' CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, domain, link_id, kind, verdict, outcome)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
COMMENT 'Events by day of the installation''s zone, domain and link';
