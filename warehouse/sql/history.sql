-- Some rows of a partition as they are in the answers; from `since` on as an edition has them, which need not be in them
-- yet. Of an offset that has several rows one is taken.
WITH $switched
SELECT
    $columns
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16}
  AND kafka_offset BETWEEN {first:UInt64} AND {last:UInt64}
  AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
  AND if(kafka_offset < {since:UInt64}, $live, edition = {edition:UInt32})
ORDER BY kafka_offset
LIMIT 1 BY kafka_offset
