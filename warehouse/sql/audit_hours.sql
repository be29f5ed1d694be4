-- Every partition of the topic by the hour in which Kafka took its records, and by the day of the rows' batches, which
-- orders the table: answered by the projection `hours`, whatever the size of the table.
SELECT
    kafka_partition,
    part.day AS day,
    toUnixTimestamp(part.hour) AS began,
    min(part.first) AS lowest,
    max(part.last) AS highest,
    sum(part.rows) AS total,
    mapFromArrays(groupArray(toString(part.outcome)), groupArray(part.rows)) AS outcomes
FROM
(
    SELECT kafka_partition, toDate(batch_time) AS day, toStartOfHour(append_time) AS hour, outcome,
           count() AS rows, min(kafka_offset) AS first, max(kafka_offset) AS last
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0
    GROUP BY kafka_partition, day, hour, outcome
) AS part
GROUP BY kafka_partition, day, began
ORDER BY kafka_partition, lowest
