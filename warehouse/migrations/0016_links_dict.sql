-- A dictionary is loaded anew as a whole: two seconds of CPU for a million links, every few seconds while links change. So
-- the question whether anything changed looks at what was changed before the last full second, or with many links before
-- the last twenty: an interval of a second for each fifty thousand links.
CREATE OR REPLACE DICTIONARY links_dict
(
    link_id UInt64,
    domain String DEFAULT '',
    slug String DEFAULT '',
    destination String DEFAULT '',
    title String DEFAULT '',
    tags Array(String) DEFAULT '[]',
    campaign String DEFAULT '',
    enabled UInt8 DEFAULT 0,
    deleted UInt8 DEFAULT 0
)
PRIMARY KEY link_id
SOURCE(CLICKHOUSE(
    QUERY 'SELECT link_id, domain, slug, destination, title, tags, campaign, enabled, deleted FROM {database}.links FINAL'
    INVALIDATE_QUERY 'SELECT count(), sum(version), max(updated_at) FROM {database}.links WHERE updated_at < toStartOfInterval(now(), toIntervalSecond(1 + intDiv((SELECT count() FROM {database}.links), 50000)))'
))
LIFETIME(MIN 1 MAX 3)
LAYOUT(HASHED())
COMMENT 'link_id to the link as it is now, a few seconds old; of a million links twenty';
