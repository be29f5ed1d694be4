-- Which offsets of a partition are erased: how many, the first, the last, and whether some of them may still have rows;
-- and where its ledger begins, since retention dropped what was before.
WITH
    (SELECT max(place.2) FROM (SELECT arrayJoin(arrayZip(partitions.topic_id, partitions.until, partitions.number)) AS place
                               FROM dropped)
     WHERE place.1 = {topic_id:UUID} AND place.3 = {partition:UInt16}) AS floor
SELECT bitmapCardinality(bitmapSubsetInRange(groupBitmapMergeState(offsets), floor, 9223372036854775807) AS gone),
       bitmapMin(gone), bitmapMax(gone),
       max(erasure NOT IN (SELECT erasure FROM erasures FINAL WHERE state = 'erased')), assumeNotNull(floor)
FROM erased
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16}
