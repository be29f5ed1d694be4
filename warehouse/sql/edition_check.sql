-- An edition against the ledger within the range that it covers: its rows, its different offsets, those that both have,
-- and the ledger's.
SELECT
    countIf(edition = {edition:UInt32}) AS rows,
    bitmapCardinality(groupBitmapStateIf(kafka_offset, edition = {edition:UInt32}) AS own) AS different,
    bitmapAndCardinality(own, groupBitmapStateIf(kafka_offset, edition = 0) AS first) AS in_both,
    bitmapCardinality(first) AS in_ledger
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition IN (0, {edition:UInt32})
  AND kafka_offset BETWEEN {first:UInt64} AND {last:UInt64}
