-- The last flagged clicks of a partition before an offset, as far back from the last append as a span of seconds: an
-- original that comes after its copy is a duplicate of it. By batch times as `recent.sql`.
SELECT src, seq, toUnixTimestamp64Milli(append_time) AS append_ms
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
  AND kafka_offset < {before:UInt64} AND resent = 1
  AND batch_time >= (
      SELECT toDateTime(max(append_time)) - {span:UInt32}
      FROM events
      WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
        AND kafka_offset < {before:UInt64} AND batch_time >= fromUnixTimestamp({last_batch:Int64})
  )
ORDER BY kafka_offset DESC
LIMIT {limit:UInt64}
