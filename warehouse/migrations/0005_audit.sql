-- How far each partition is stored, by the hour and by what its rows count as: the audit reads it at any size, and a
-- writer sums it up to know where it goes on. It takes the place of `ledger`, which knew a partition as a whole only.
ALTER TABLE events DROP PROJECTION IF EXISTS ledger;

ALTER TABLE events ADD PROJECTION IF NOT EXISTS hours
(
    SELECT topic_id, kafka_partition, edition, toDate(batch_time), toStartOfHour(append_time), outcome,
           count(), min(kafka_offset), max(kafka_offset), max(batch_time)
    GROUP BY topic_id, kafka_partition, edition, toDate(batch_time), toStartOfHour(append_time), outcome
);

ALTER TABLE events MATERIALIZE PROJECTION hours;

-- What `weir audit` has proven, so that the next one reads only what came after. A mark is one row, so it is there whole
-- or not at all; it is only written when everything added up, and losing it costs nothing but a longer audit.
CREATE TABLE IF NOT EXISTS audit_marks
(
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made',
    taken_at DateTime64(3, 'UTC') COMMENT 'When the audit had read the table; the last one counts',
    partitions Nested
    (
        number UInt16,
        next UInt64
    ) COMMENT 'All offsets of the partition below `next` are one row each',
    sources Nested
    (
        src UInt64,
        complete UInt64,
        ahead Array(Tuple(UInt64, UInt64)),
        mark UInt64,
        closed UInt8
    ) COMMENT 'All seq of the process up to `complete`, and those in the ranges `ahead`, have a row below; `mark` and `closed` are its own word'
)
ENGINE = ReplacingMergeTree(taken_at)
ORDER BY topic_id
COMMENT 'How far the ledger is proven, one row a topic once merged';
