-- Counts for people and BI tools: hour by hour of UTC, finished numbers, a comment on every column. They read the records
-- themselves, so they are exact at every moment; a condition on `hour` decides how many. What is not asked for is not
-- worked out. Visitors are those of the row: they never add up over rows (v_clicks has visitor_id and salt_day for that).
CREATE OR REPLACE VIEW v_by_channel
(
    hour DateTime('UTC') COMMENT 'Hour in which the requests arrived, its beginning',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    channel LowCardinality(String) COMMENT 'One of the 20 channels',
    referrer_source LowCardinality(String) COMMENT 'Name of the referring site, as Google or Gmail; empty: not a known one',
    utm_source LowCardinality(String) COMMENT 'Canonical utm_source',
    utm_medium LowCardinality(String) COMMENT 'Canonical utm_medium',
    utm_campaign LowCardinality(String) COMMENT 'Canonical utm_campaign',
    clicks UInt64 COMMENT 'Counted clicks: people, and what may be people',
    visitors UInt64 COMMENT 'Different visitors among the counted clicks of this row, by salt day; do not add rows up',
    repeats UInt64 COMMENT 'Clicks of the same visitor on the same link again, within seconds',
    suspects UInt64 COMMENT 'Those of the counted clicks that may not be people',
    bots UInt64 COMMENT 'Clicks of programs, prefetches among them'
)
AS SELECT
    toStartOfHour(time) AS hour, domain, channel, referrer_source, utm_source, utm_medium, utm_campaign,
    countIf(outcome IN ('suspect', 'human')) AS clicks,
    uniqCombined64If(14)((salt_day, visitor_id), outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
    countIf(outcome = 'repeat') AS repeats,
    countIf(outcome = 'suspect') AS suspects,
    countIf(outcome IN ('bot', 'prefetch')) AS bots
FROM {database}.v_events
WHERE kind = 'click'
GROUP BY hour, domain, channel, referrer_source, utm_source, utm_medium, utm_campaign
COMMENT 'Clicks by hour and channel';

CREATE OR REPLACE VIEW v_by_country
(
    hour DateTime('UTC') COMMENT 'Hour in which the requests arrived, its beginning',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    country LowCardinality(String) COMMENT 'Country, ISO 3166-1 alpha-2; empty: unknown',
    region LowCardinality(String) COMMENT 'First subdivision of the country, English name',
    city LowCardinality(String) COMMENT 'City, English name',
    clicks UInt64 COMMENT 'Counted clicks: people, and what may be people',
    visitors UInt64 COMMENT 'Different visitors among the counted clicks of this row, by salt day; do not add rows up',
    repeats UInt64 COMMENT 'Clicks of the same visitor on the same link again, within seconds',
    suspects UInt64 COMMENT 'Those of the counted clicks that may not be people',
    bots UInt64 COMMENT 'Clicks of programs, prefetches among them'
)
AS SELECT
    toStartOfHour(time) AS hour, domain, country, region, city,
    countIf(outcome IN ('suspect', 'human')) AS clicks,
    uniqCombined64If(14)((salt_day, visitor_id), outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
    countIf(outcome = 'repeat') AS repeats,
    countIf(outcome = 'suspect') AS suspects,
    countIf(outcome IN ('bot', 'prefetch')) AS bots
FROM {database}.v_events
WHERE kind = 'click'
GROUP BY hour, domain, country, region, city
COMMENT 'Clicks by hour and place';

CREATE OR REPLACE VIEW v_by_device
(
    hour DateTime('UTC') COMMENT 'Hour in which the requests arrived, its beginning',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    device LowCardinality(String) COMMENT 'Class of the device: desktop, mobile, tablet, tv, console, wearable, car, other',
    os LowCardinality(String) COMMENT 'Operating system family',
    browser LowCardinality(String) COMMENT 'Browser family',
    clicks UInt64 COMMENT 'Counted clicks: people, and what may be people',
    visitors UInt64 COMMENT 'Different visitors among the counted clicks of this row, by salt day; do not add rows up',
    repeats UInt64 COMMENT 'Clicks of the same visitor on the same link again, within seconds',
    suspects UInt64 COMMENT 'Those of the counted clicks that may not be people',
    bots UInt64 COMMENT 'Clicks of programs, prefetches among them'
)
AS SELECT
    toStartOfHour(time) AS hour, domain, device, os, browser,
    countIf(outcome IN ('suspect', 'human')) AS clicks,
    uniqCombined64If(14)((salt_day, visitor_id), outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
    countIf(outcome = 'repeat') AS repeats,
    countIf(outcome = 'suspect') AS suspects,
    countIf(outcome IN ('bot', 'prefetch')) AS bots
FROM {database}.v_events
WHERE kind = 'click'
GROUP BY hour, domain, device, os, browser
COMMENT 'Clicks by hour and device';

CREATE OR REPLACE VIEW v_by_position
(
    hour DateTime('UTC') COMMENT 'Hour in which the requests arrived, its beginning',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    position UInt16 COMMENT '1-based position of the link on its page or in its mail; 0: unknown',
    slot LowCardinality(String) COMMENT 'Named place, as hero or footer',
    placement LowCardinality(String) COMMENT 'Fifth of the page or mail in which the position lies',
    variant LowCardinality(String) COMMENT 'A/B variant that was chosen',
    clicks UInt64 COMMENT 'Counted clicks: people, and what may be people',
    visitors UInt64 COMMENT 'Different visitors among the counted clicks of this row, by salt day; do not add rows up',
    repeats UInt64 COMMENT 'Clicks of the same visitor on the same link again, within seconds',
    suspects UInt64 COMMENT 'Those of the counted clicks that may not be people',
    bots UInt64 COMMENT 'Clicks of programs, prefetches among them'
)
AS SELECT
    toStartOfHour(time) AS hour, domain, position, slot, placement, variant,
    countIf(outcome IN ('suspect', 'human')) AS clicks,
    uniqCombined64If(14)((salt_day, visitor_id), outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
    countIf(outcome = 'repeat') AS repeats,
    countIf(outcome = 'suspect') AS suspects,
    countIf(outcome IN ('bot', 'prefetch')) AS bots
FROM {database}.v_events
WHERE kind = 'click'
GROUP BY hour, domain, position, slot, placement, variant
COMMENT 'Clicks by hour and place on the page';

CREATE OR REPLACE VIEW v_by_link
(
    hour DateTime('UTC') COMMENT 'Hour in which the requests arrived, its beginning',
    domain LowCardinality(String) COMMENT 'Host that was asked',
    link_id String COMMENT 'Id of the link, 16 hexadecimal digits',
    slug String COMMENT 'Slug of the link; empty: there is none',
    title String COMMENT 'Title of the link as it is now',
    campaign String COMMENT 'Campaign of the link as it is now',
    tags Array(String) COMMENT 'Tags of the link as they are now',
    clicks UInt64 COMMENT 'Counted clicks: people, and what may be people',
    visitors UInt64 COMMENT 'Different visitors among the counted clicks of this row, by salt day; do not add rows up',
    repeats UInt64 COMMENT 'Clicks of the same visitor on the same link again, within seconds',
    suspects UInt64 COMMENT 'Those of the counted clicks that may not be people',
    bots UInt64 COMMENT 'Clicks of programs, prefetches among them'
)
AS SELECT
    toStartOfHour(time) AS hour, domain, link_id, any(v.slug) AS slug, any(v.title) AS title, any(v.campaign) AS campaign,
    any(v.tags) AS tags,
    countIf(outcome IN ('suspect', 'human')) AS clicks,
    uniqCombined64If(14)((salt_day, visitor_id), outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
    countIf(outcome = 'repeat') AS repeats,
    countIf(outcome = 'suspect') AS suspects,
    countIf(outcome IN ('bot', 'prefetch')) AS bots
FROM {database}.v_events AS v
WHERE kind = 'click'
GROUP BY hour, domain, link_id
COMMENT 'Clicks by hour and link';
