-- Which offsets of a partition are erased: how many, the first, the last, and whether some of them may still have rows.
SELECT bitmapCardinality(groupBitmapMergeState(offsets) AS gone), bitmapMin(gone), bitmapMax(gone),
       max(erasure NOT IN (SELECT erasure FROM erasures FINAL WHERE state = 'erased'))
FROM erased
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16}
