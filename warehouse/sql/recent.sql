-- The last rows of a partition before an offset, as far back from the last append as a span of seconds: what its next
-- clicks are compared with. A row's batch time, by which parts need not be read, is never before its append time; that of
-- the last row may be much later, if others of its batch were lost.
SELECT
    kafka_offset,
    toUnixTimestamp64Milli(append_time) AS append_ms,
    toUnixTimestamp64Milli(ts) AS ts_ms,
    kind = 'click' AND outcome != 'duplicate' AS compared,
    outcome IN ('human', 'suspect') AS counted,
    link_id,
    visitor_id,
    address_id,
    network,
    asn,
    message_id,
    recipient_id,
    trap
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
  AND kafka_offset < {before:UInt64}
  AND batch_time >= (
      SELECT toDateTime(max(append_time)) - {span:UInt32}
      FROM events
      WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
        AND kafka_offset < {before:UInt64} AND batch_time >= fromUnixTimestamp({last_batch:Int64})
  )
ORDER BY kafka_offset DESC
LIMIT {limit:UInt64}
