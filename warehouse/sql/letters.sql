-- The newest dead letters.
SELECT topic_id, kafka_partition, kafka_offset, append_time, toString(stage), toString(reason), detail, src, seq,
       hex(payload), payload_size, replayed_at
FROM dead_letters FINAL
WHERE append_time >= fromUnixTimestamp64Milli({since:Int64})
  AND (empty({stages:Array(String)}) OR stage IN {stages:Array(String)})
  AND (empty({reasons:Array(String)}) OR reason IN {reasons:Array(String)})
ORDER BY append_time DESC, topic_id, kafka_partition, kafka_offset DESC
LIMIT {limit:UInt64}
