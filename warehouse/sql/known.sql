-- Which of the flagged click ids stand in the ledger already, or are erased; a source's flagged clicks lie close together
-- in seq. Rows of the same partition that lie behind a hole are not before the click that is asked about, and may be the
-- click itself.
SELECT src, seq
FROM events
WHERE edition = 0 AND outcome NOT IN ('dead', 'duplicate') AND src IN {srcs:Array(UInt64)}
  AND seq BETWEEN {seq_min:UInt64} AND {seq_max:UInt64}
  AND NOT (topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND kafka_offset >= {before:UInt64})
UNION ALL
SELECT src, arrayJoin(bitmapToArray(bitmapSubsetInRange(numbers, {seq_min:UInt64}, {seq_max:UInt64} + 1))) AS seq
FROM erased
WHERE counted AND src IN {srcs:Array(UInt64)}
  AND NOT (topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND bitmapMin(offsets) >= {before:UInt64})
