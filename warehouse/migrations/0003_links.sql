-- The links as the topic `links` has them, so that titles, tags and campaigns are dimensions of clicks.
CREATE TABLE IF NOT EXISTS links
(
    link_id UInt64 COMMENT 'First 64 bits of SHA-256 over domain/slug; shown as 16 hexadecimal digits',
    domain LowCardinality(String) COMMENT 'Host of the link',
    slug String COMMENT 'What stands after the first slash',
    destination String COMMENT 'Where it leads; empty: the link is deleted' CODEC(ZSTD(1)),
    title String COMMENT 'Name for people' CODEC(ZSTD(1)),
    tags Array(LowCardinality(String)) COMMENT 'Labels of its owner',
    campaign LowCardinality(String) COMMENT 'Campaign of its owner',
    enabled UInt8 COMMENT '1: answers; 0: switched off',
    deleted UInt8 COMMENT '1: the link was deleted with this version',
    version UInt32 COMMENT 'From 1, one higher with each change; the highest counts' CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC') COMMENT 'When the link was made' CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC') COMMENT 'When this version was made' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY link_id
COMMENT 'The links, one row each once merged: read with FINAL, or through links_dict';

-- Deleted links stay in it: their clicks keep a name.
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
    INVALIDATE_QUERY 'SELECT count(), sum(version), max(updated_at) FROM {database}.links'
))
LIFETIME(MIN 1 MAX 3)
LAYOUT(HASHED())
COMMENT 'link_id to the link as it is now, a few seconds old';
