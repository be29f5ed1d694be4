-- The hours of the clicks that are gone (Unix seconds), and how many.
SELECT toUnixTimestamp(clicked), sum(bitmapCardinality(gone))
FROM (SELECT topic_id, kafka_partition, clicked, groupBitmapMergeState(offsets) AS gone
      FROM erased WHERE erasure = {erasure:UUID} GROUP BY topic_id, kafka_partition, clicked)
GROUP BY clicked
ORDER BY clicked
