-- The rows of some days, partition by partition in blocks of offsets: how many offsets there are between the lowest and
-- the highest of a block, and how many rows beyond one each. A bitmap knows them all, so that a double hides no gap. An
-- erased offset is as good as a row.
SELECT
    kafka_partition,
    min(kafka_offset) AS lowest,
    max(kafka_offset) AS highest,
    groupBitmap(kafka_offset) AS different,
    countIf(stored) - groupBitmapIf(kafka_offset, stored) AS extra
FROM
(
    SELECT kafka_partition, kafka_offset, true AS stored
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0 AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
      AND kafka_offset BETWEEN {starts:Array(UInt64)}[kafka_partition + 1] AND {ends:Array(UInt64)}[kafka_partition + 1]
    UNION ALL
    SELECT kafka_partition, arrayJoin(bitmapToArray(offsets)) AS kafka_offset, false AS stored
    FROM erased
    WHERE topic_id = {topic_id:UUID} AND day BETWEEN {day_from:Date} AND {day_to:Date}
)
WHERE kafka_offset BETWEEN {starts:Array(UInt64)}[kafka_partition + 1] AND {ends:Array(UInt64)}[kafka_partition + 1]
GROUP BY kafka_partition, intDiv(kafka_offset, {block:UInt64})
