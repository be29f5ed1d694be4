-- What retention dropped: the ledger begins behind it. A month of events is one row, written before its rows go, so that
-- what is dropped is named and never missing.
CREATE TABLE IF NOT EXISTS dropped
(
    month UInt32 COMMENT 'Month of the batches, as 202611',
    dropped_at DateTime64(3, 'UTC') COMMENT 'When it was written down',
    rows UInt64 COMMENT 'Rows of events that it had, as they were first judged',
    partitions Nested
    (
        topic_id UUID,
        number UInt16,
        until UInt64,
        rows UInt64
    ) COMMENT 'The ledger of the partition begins at `until`',
    sources Nested
    (
        src UInt64,
        runs Array(Tuple(UInt64, UInt64)),
        mark UInt64,
        closed UInt8,
        heard UInt32
    ) COMMENT 'Numbers of each redirector process that had a row there, as runs; its own word; when it was heard of last'
)
ENGINE = ReplacingMergeTree(dropped_at)
ORDER BY month
COMMENT 'Which months of records were dropped, one row each';
