-- How far an edition is written in a partition.
SELECT count(), min(kafka_offset), max(kafka_offset)
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = {edition:UInt32}
