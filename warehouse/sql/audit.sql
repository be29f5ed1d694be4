-- Every partition of the topic as it is stored: rows, distinct offsets, their range, and what the rows count as.
SELECT
    kafka_partition,
    sum(part.rows) AS total,
    groupBitmapMerge(part.offsets) AS distinct_offsets,
    min(part.first) AS lowest,
    max(part.last) AS highest,
    mapFromArrays(groupArray(toString(part.outcome)), groupArray(part.rows)) AS outcomes
FROM
(
    SELECT kafka_partition, outcome, count() AS rows, groupBitmapState(kafka_offset) AS offsets,
           min(kafka_offset) AS first, max(kafka_offset) AS last
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0
    GROUP BY kafka_partition, outcome
) AS part
GROUP BY kafka_partition
ORDER BY kafka_partition
