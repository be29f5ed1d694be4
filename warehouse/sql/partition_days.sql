-- On which days of batches, which order the table, a partition's offsets lie: answered by the projection `hours`.
SELECT toDate(batch_time) AS day, min(kafka_offset), max(kafka_offset)
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
GROUP BY day
