-- What was erased on request. The book holds no more of a person than a digest under a salt of the request's own; what is
-- gone is known by offset and by number, so that the ledger still adds up.
CREATE TABLE IF NOT EXISTS erasures
(
    erasure UUID COMMENT 'Id of the request; also the salt of its digest',
    state Enum8('erasing' = 1, 'erased' = 2) COMMENT 'erasing: asked for, rows may be left; erased: nothing was left, as was checked',
    what Enum8('link' = 1, 'domain' = 2, 'recipient' = 3, 'visitor' = 4) COMMENT 'What kind of thing was erased',
    subject String COMMENT 'Of a link its id, of a domain its name; else SHA-256 of this id and the name, hexadecimal',
    day Date COMMENT 'Of a visitor: the salt''s day; else 1970-01-01',
    asked_at DateTime64(3, 'UTC') COMMENT 'When it was asked for; clicks of before that are erased',
    rows UInt64 COMMENT 'Rows of events that are gone, as they were first judged',
    letters UInt64 COMMENT 'Dead letters that are gone',
    links UInt64 COMMENT 'Rows of links that are gone',
    searched Array(String) COMMENT 'Tables in which nothing was left',
    checked_at DateTime64(3, 'UTC') COMMENT 'When they were searched; 1970-01-01: not yet',
    changed_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this row was written; the last one counts'
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY erasure
COMMENT 'What was erased on request, one row a request once merged';

-- Written before the rows are deleted, so that at any moment an offset is a row, or here, or both.
CREATE TABLE IF NOT EXISTS erased
(
    topic_id UUID COMMENT 'Id that Kafka gave the topic when it was made',
    kafka_partition UInt16 COMMENT 'Partition of the topic',
    day Date COMMENT 'Day of the rows'' batches',
    hour DateTime('UTC') COMMENT 'Hour in which Kafka took the records',
    clicked DateTime('UTC') COMMENT 'Hour of the clicks',
    src UInt64 COMMENT 'Start id of the redirector process',
    counted UInt8 COMMENT '1: their numbers counted; 0: copies and what could not be read',
    erasure UUID COMMENT 'The request',
    offsets AggregateFunction(groupBitmap, UInt64) COMMENT 'Offsets that are gone',
    numbers AggregateFunction(groupBitmap, UInt64) COMMENT 'Numbers (seq) of the process that are gone'
)
ENGINE = AggregatingMergeTree
ORDER BY (topic_id, kafka_partition, day, hour, clicked, src, counted, erasure)
COMMENT 'Which offsets and numbers were erased: to the ledger they are as good as rows';
