-- Letters that were put back are written again, with the time; the last row of an offset counts.
INSERT INTO dead_letters
SELECT * REPLACE (now64(3) AS written_at, now64(3) AS replayed_at)
FROM dead_letters FINAL
WHERE (topic_id, kafka_partition, kafka_offset) IN {places:Array(Tuple(UUID, UInt16, UInt64))}
