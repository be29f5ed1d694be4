-- Every partition of the topic as it is stored: rows, distinct offsets, their range, and what the rows count as.
SELECT
    kafka_partition,
    sum(rows) AS rows,
    groupBitmapMerge(offsets) AS distinct_offsets,
    min(first) AS first,
    max(last) AS last,
    mapFromArrays(groupArray(toString(outcome)), groupArray(rows)) AS outcomes
FROM
(
    SELECT kafka_partition, outcome, count() AS rows, groupBitmapState(kafka_offset) AS offsets,
           min(kafka_offset) AS first, max(kafka_offset) AS last
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0
    GROUP BY kafka_partition, outcome
)
GROUP BY kafka_partition
ORDER BY kafka_partition
