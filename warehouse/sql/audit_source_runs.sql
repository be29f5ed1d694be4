-- Some blocks of numbers of some processes, looked at closely: runs of consecutive numbers that count equally often, and
-- when Kafka took the last one.
SELECT src, min(seq) AS lowest, max(seq) AS highest, any(times) AS counted_each, toUnixTimestamp(argMax(at, seq)) AS latest
FROM
(
    SELECT src, seq, greatest(countIf(stored AND counted), max(counted)) AS times, max(taken) AS at,
           seq - row_number() OVER (PARTITION BY src, times ORDER BY seq) AS island
    FROM
    (
        SELECT src, seq, true AS stored, outcome NOT IN ('dead', 'source', 'duplicate') AS counted, append_time AS taken
        FROM events
        WHERE edition = 0 AND seq > 0 AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
          AND src IN {srcs:Array(UInt64)} AND (src, intDiv(seq, {block:UInt64})) IN {blocks:Array(Tuple(UInt64, UInt64))}
          AND ({everywhere:Bool} OR topic_id = {topic_id:UUID} AND
               kafka_offset BETWEEN {starts:Array(UInt64)}[kafka_partition + 1] AND {ends:Array(UInt64)}[kafka_partition + 1])
        UNION ALL
        SELECT src, arrayJoin(bitmapToArray(numbers)) AS seq, false AS stored, counted, toDateTime64(hour, 3, 'UTC') AS taken
        FROM erased
        WHERE day BETWEEN {day_from:Date} AND {day_to:Date} AND src IN {srcs:Array(UInt64)}
          AND ({everywhere:Bool} OR topic_id = {topic_id:UUID} AND
               bitmapMax(offsets) >= {starts:Array(UInt64)}[kafka_partition + 1] AND
               bitmapMin(offsets) <= {ends:Array(UInt64)}[kafka_partition + 1])
    )
    WHERE (src, intDiv(seq, {block:UInt64})) IN {blocks:Array(Tuple(UInt64, UInt64))}
    GROUP BY src, seq
)
GROUP BY src, times, island
