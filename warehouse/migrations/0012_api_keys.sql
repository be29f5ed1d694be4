-- The keys of the API. Only the SHA-256 of a key is here: a key has 192 random bits, so nobody finds one by its hash.
CREATE TABLE IF NOT EXISTS api_keys
(
    key_id String COMMENT 'What the key is recognised by: the eight hexadecimal digits behind `weir_`',
    name String COMMENT 'Who has it; stands in the audit log',
    digest String COMMENT 'SHA-256 of the whole key, hexadecimal',
    scopes Array(LowCardinality(String)) COMMENT 'What it may do: read, links, admin',
    domains Array(LowCardinality(String)) COMMENT 'What it may see and change; empty: every domain',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was made',
    expires_at DateTime64(3, 'UTC') COMMENT 'From when on it is not valid; 1970: it does not expire',
    revoked_at DateTime64(3, 'UTC') COMMENT 'When it was revoked; 1970: it was not'
)
ENGINE = ReplacingMergeTree(revoked_at)
ORDER BY key_id
COMMENT 'Keys of the API, one row each once merged: read with FINAL';

-- Who changed what. A line has an id of its own, so one that is written again is still one.
CREATE TABLE IF NOT EXISTS api_writes
(
    at DateTime64(3, 'UTC') COMMENT 'When it was answered',
    id UUID COMMENT 'Of this line',
    request_id String COMMENT 'The X-Request-Id of the request; empty: it came from a command',
    key_id String COMMENT 'The key; empty: the token, an open API, or a command',
    key_name String COMMENT 'Name of the key, or what stood in its place',
    action LowCardinality(String) COMMENT 'link.create, link.update, link.delete, key.add, key.revoke',
    object String COMMENT 'Id of the link or the key',
    domain LowCardinality(String) COMMENT 'Domain of the link; empty for keys',
    status UInt16 COMMENT 'HTTP status of what became of it; 504: it was not confirmed in time',
    before String COMMENT 'What was there before, JSON; empty: nothing' CODEC(ZSTD(1)),
    after String COMMENT 'What is there now, JSON; empty: nothing, or the same' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYear(at)
ORDER BY (at, id)
COMMENT 'The audit log of writes through the API and of keys, one row a write once merged: read with FINAL';
