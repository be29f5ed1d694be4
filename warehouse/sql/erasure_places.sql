-- Where the rows of a request stood.
SELECT DISTINCT topic_id, kafka_partition
FROM erased
WHERE erasure = {erasure:UUID}
ORDER BY topic_id, kafka_partition
