-- Every partition of the ledger, from its first offset to the one after its last: answered by the projection `hours`.
SELECT topic_id, kafka_partition, min(kafka_offset), max(kafka_offset) + 1
FROM events
WHERE edition = 0
GROUP BY topic_id, kafka_partition
