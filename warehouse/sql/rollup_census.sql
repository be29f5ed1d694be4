-- Live events at offsets that a clock does not have yet, by partition and unit.
WITH $switched
SELECT topic_id, kafka_partition, $unit AS unit, count()
FROM events
WHERE $live AND toDate(batch_time) >= $day AND $wanted
GROUP BY topic_id, kafka_partition, unit
