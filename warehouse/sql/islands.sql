-- Runs of consecutive offsets that are stored or erased, in order; more than one means that rows were lost and are to be
-- read again.
SELECT min(kafka_offset) AS first, max(kafka_offset) AS last
FROM
(
    SELECT kafka_offset, kafka_offset - row_number() OVER (ORDER BY kafka_offset) AS island
    FROM
    (
        SELECT DISTINCT kafka_offset
        FROM
        (
            SELECT kafka_offset FROM events
            WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
            UNION ALL
            SELECT arrayJoin(bitmapToArray(offsets)) FROM erased
            WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16}
        )
    )
)
GROUP BY island
ORDER BY first
