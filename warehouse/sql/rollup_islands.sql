-- Runs of consecutive offsets of a partition that are stored, among the wanted ones.
SELECT min(kafka_offset), max(kafka_offset) + 1
FROM
(
    SELECT kafka_offset, kafka_offset - row_number() OVER (ORDER BY kafka_offset) AS island
    FROM (SELECT DISTINCT kafka_offset FROM events WHERE edition = 0 AND $wanted)
)
GROUP BY island
