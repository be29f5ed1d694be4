-- What Kafka took in a span of time, in every partition of every topic: from the first record to the last.
SELECT topic_id, kafka_partition, min(kafka_offset), max(kafka_offset)
FROM events
WHERE edition = 0 AND batch_time >= fromUnixTimestamp(intDiv({start:Int64}, 1000))
  AND append_time >= fromUnixTimestamp64Milli({start:Int64}) AND append_time < fromUnixTimestamp64Milli({end:Int64})
GROUP BY topic_id, kafka_partition
ORDER BY topic_id, kafka_partition
