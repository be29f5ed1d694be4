-- Some blocks of offsets, looked at closely: runs of consecutive offsets with the same number of rows each; one that is
-- erased is as good as a row.
SELECT kafka_partition, min(kafka_offset) AS lowest, max(kafka_offset) AS highest, any(times) AS rows_each
FROM
(
    SELECT kafka_partition, kafka_offset, greatest(countIf(stored), 1) AS times,
           kafka_offset - row_number() OVER (PARTITION BY kafka_partition, times ORDER BY kafka_offset) AS island
    FROM
    (
        SELECT kafka_partition, kafka_offset, true AS stored
        FROM events
        WHERE topic_id = {topic_id:UUID} AND edition = 0 AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
          AND (kafka_partition, intDiv(kafka_offset, {block:UInt64})) IN {blocks:Array(Tuple(UInt16, UInt64))}
        UNION ALL
        SELECT kafka_partition, arrayJoin(bitmapToArray(offsets)) AS kafka_offset, false AS stored
        FROM erased
        WHERE topic_id = {topic_id:UUID} AND day BETWEEN {day_from:Date} AND {day_to:Date}
    )
    WHERE (kafka_partition, intDiv(kafka_offset, {block:UInt64})) IN {blocks:Array(Tuple(UInt16, UInt64))}
      AND kafka_offset <= {ends:Array(UInt64)}[kafka_partition + 1]
    GROUP BY kafka_partition, kafka_offset
)
GROUP BY kafka_partition, times, island
