-- What could not be read, kept so that it can be looked at, mended and replayed. Written before the row of the same
-- offset in events; writing it again replaces it.
CREATE TABLE IF NOT EXISTS dead_letters
(
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made',
    kafka_partition UInt16 COMMENT 'Partition of the topic',
    kafka_offset UInt64 COMMENT 'Offset in that partition' CODEC(Delta, ZSTD(1)),
    append_time DateTime64(3, 'UTC') COMMENT 'When Kafka appended the record' CODEC(Delta, ZSTD(1)),
    stage LowCardinality(String) COMMENT 'Step of the pipeline that gave up, as decode',
    reason LowCardinality(String) COMMENT 'Why, from a closed list',
    detail String COMMENT 'The error in words, naming the field where it is one' CODEC(ZSTD(1)),
    src UInt64 COMMENT 'Start id of the redirector process, from the record''s headers; 0: they did not tell' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Its counter, from the record''s headers; 0: they did not tell' CODEC(ZSTD(1)),
    payload String COMMENT 'The record''s value as it came, cut at a limit' CODEC(ZSTD(3)),
    payload_size UInt32 COMMENT 'Bytes that the value had' CODEC(ZSTD(1)),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When this row was written; the last one counts' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(written_at)
PARTITION BY toYYYYMM(append_time)
ORDER BY (topic_id, kafka_partition, kafka_offset)
COMMENT 'Records of clicks.raw that could not be decoded, with their payload; one row an offset'
