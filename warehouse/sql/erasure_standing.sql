-- Offsets that are written down as erased by this request and have a row, whatever it says.
SELECT count()
FROM events
WHERE edition = 0 AND (topic_id, kafka_partition, kafka_offset) IN (
    SELECT topic_id, kafka_partition, arrayJoin(bitmapToArray(offsets)) FROM erased WHERE erasure = {erasure:UUID})
