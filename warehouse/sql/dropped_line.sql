-- Write down what a month holds, before it is dropped. Erased offsets and numbers of the month go with it.
INSERT INTO dropped
SELECT
    {month:UInt32}, now64(3), (SELECT count() FROM events WHERE edition = 0 AND toYYYYMM(batch_time) = {month:UInt32}),
    places.1, places.2, places.3, places.4, sources.1, sources.2, sources.3, sources.4, sources.5
FROM
(
    SELECT (groupArray(topic_id), groupArray(kafka_partition), groupArray(until), groupArray(stored)) AS places
    FROM
    (
        SELECT topic_id, kafka_partition, max(last) + 1 AS until, sum(rows) AS stored
        FROM
        (
            SELECT topic_id, kafka_partition, max(kafka_offset) AS last, count() AS rows
            FROM events
            WHERE edition = 0 AND toYYYYMM(batch_time) = {month:UInt32}
            GROUP BY topic_id, kafka_partition
            UNION ALL
            SELECT topic_id, kafka_partition, max(bitmapMax(offsets)) AS last, 0 AS rows
            FROM erased
            WHERE toYYYYMM(day) = {month:UInt32}
            GROUP BY topic_id, kafka_partition
        )
        GROUP BY topic_id, kafka_partition
    )
) AS of_partitions,
(
    SELECT (groupArray(src), groupArray(runs), groupArray(word), groupArray(closed), groupArray(heard)) AS sources
    FROM
    (
        SELECT src, arraySort(groupArray((lowest, highest))) AS runs, max(said) AS word, max(ended) AS closed,
               toUnixTimestamp(max(at)) AS heard
        FROM
        (
            SELECT src, island, min(seq) AS lowest, max(seq) AS highest, max(said) AS said, max(ended) AS ended,
                   max(at) AS at
            FROM
            (
                SELECT src, seq, max(said) AS said, max(ended) AS ended, max(at) AS at,
                       seq - row_number() OVER (PARTITION BY src ORDER BY seq) AS island
                FROM
                (
                    SELECT src, seq, if(kind IN ('heartbeat', 'close'), mark + (seq = mark + 1), 0) AS said,
                           kind = 'close' AS ended, append_time AS at
                    FROM events
                    WHERE edition = 0 AND seq > 0 AND toYYYYMM(batch_time) = {month:UInt32}
                    UNION ALL
                    SELECT src, arrayJoin(bitmapToArray(numbers)) AS seq, 0 AS said, 0 AS ended,
                           toDateTime64(hour, 3, 'UTC') AS at
                    FROM erased
                    WHERE toYYYYMM(day) = {month:UInt32}
                )
                GROUP BY src, seq
            )
            GROUP BY src, island
        )
        GROUP BY src
    )
) AS of_sources
