-- Every partition of the topic by the hour in which Kafka took its records, and by the day of the rows' batches, which
-- orders the table: answered by the projection `hours`, whatever the size of the table. Erased offsets are rows of the
-- outcome `erased`; while an erasure is under way, those of them that still have their row are not counted twice.
WITH
    (SELECT groupUniqArray(erasure) FROM erased
     WHERE erasure NOT IN (SELECT erasure FROM erasures FINAL WHERE state = 'erased')) AS unfinished
SELECT
    kafka_partition,
    part.day AS day,
    toUnixTimestamp(part.hour) AS began,
    min(part.first) AS lowest,
    max(part.last) AS highest,
    sum(part.rows) AS total,
    mapFromArrays(groupArray(part.outcome), groupArray(part.rows)) AS outcomes
FROM
(
    SELECT kafka_partition, toDate(batch_time) AS day, toStartOfHour(append_time) AS hour, toString(outcome) AS outcome,
           count() AS rows, min(kafka_offset) AS first, max(kafka_offset) AS last
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0
    GROUP BY kafka_partition, day, hour, outcome
    UNION ALL
    SELECT kafka_partition, day, toDateTime(hour, 'UTC') AS hour, 'erased' AS outcome,
           bitmapCardinality(gone) AS rows, bitmapMin(gone) AS first, bitmapMax(gone) AS last
    FROM
    (
        SELECT kafka_partition, day, hour, bitmapAndnot(groupBitmapMergeState(offsets), any(standing)) AS gone
        FROM erased
        LEFT JOIN
        (
            SELECT kafka_partition, groupBitmapState(kafka_offset) AS standing
            FROM events
            WHERE notEmpty(unfinished)
              AND topic_id = {topic_id:UUID} AND edition = 0
              AND (kafka_partition, kafka_offset) IN (
                  SELECT kafka_partition, arrayJoin(bitmapToArray(offsets)) FROM erased
                  WHERE topic_id = {topic_id:UUID} AND has(unfinished, erasure))
            GROUP BY kafka_partition
        ) AS left_over USING kafka_partition
        WHERE topic_id = {topic_id:UUID}
        GROUP BY kafka_partition, day, hour
        HAVING bitmapCardinality(gone) > 0
    )
) AS part
GROUP BY kafka_partition, day, began
ORDER BY kafka_partition, lowest
