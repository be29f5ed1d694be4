-- The rows of some days, partition by partition in blocks of offsets: how many offsets there are between the lowest and
-- the highest of a block, and how many rows beyond one each. A bitmap knows them all, so that a double hides no gap.
SELECT
    kafka_partition,
    min(kafka_offset) AS lowest,
    max(kafka_offset) AS highest,
    groupBitmap(kafka_offset) AS different,
    count() - different AS extra
FROM events
WHERE topic_id = {topic_id:UUID} AND edition = 0 AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
  AND kafka_offset BETWEEN {starts:Array(UInt64)}[kafka_partition + 1] AND {ends:Array(UInt64)}[kafka_partition + 1]
GROUP BY kafka_partition, intDiv(kafka_offset, {block:UInt64})
