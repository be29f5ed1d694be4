-- Dead letters that were not put back yet, in the order of the table, behind one of them.
SELECT topic_id, kafka_partition, kafka_offset, append_time, toString(stage), toString(reason), detail, src, seq,
       hex(payload), payload_size, replayed_at
FROM dead_letters FINAL
WHERE append_time >= fromUnixTimestamp64Milli({since:Int64}) AND replayed_at = 0
  AND (empty({stages:Array(String)}) OR stage IN {stages:Array(String)})
  AND (empty({reasons:Array(String)}) OR reason IN {reasons:Array(String)})
  AND (topic_id, kafka_partition, kafka_offset) > ({topic_id:UUID}, {partition:Int32}, {offset:Int64})
ORDER BY topic_id, kafka_partition, kafka_offset
LIMIT {limit:UInt64}
