-- How far a partition is stored: answered by the projection `hours`, whatever the size of the table.
SELECT count(), min(kafka_offset), max(kafka_offset), toUnixTimestamp(max(batch_time))
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
