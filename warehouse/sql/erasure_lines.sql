-- Write down which offsets and numbers will be gone, before they are. Written again it is the same.
INSERT INTO erased
SELECT topic_id, kafka_partition, toDate(batch_time) AS day, toStartOfHour(append_time) AS hour, toStartOfHour(ts) AS clicked,
       src, outcome NOT IN ('dead', 'source', 'duplicate') AS counted, {erasure:UUID} AS erasure,
       groupBitmapState(kafka_offset), groupBitmapStateIf(seq, seq > 0)
FROM events
WHERE edition = 0 AND $rows
GROUP BY topic_id, kafka_partition, day, hour, clicked, src, counted
