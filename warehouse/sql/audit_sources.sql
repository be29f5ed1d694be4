-- The numbers of each redirector process in blocks, as audit_offsets.sql has the offsets: how many numbers have a row,
-- how many rows count beyond one each (a copy that was told as such does not), what the process itself said, and when
-- Kafka took the last of all that. A word's own number has a row, so one that follows on its mark is proven with it.
-- An erased number is as good as a row. `everywhere`: the rows of all topics, for a process that wrote to one that was made again.
SELECT
    src,
    min(part.first) AS lowest,
    max(part.last) AS highest,
    groupBitmapMerge(part.numbers) AS different,
    sumIf(part.rows - bitmapCardinality(part.numbers), part.counted) AS extra,
    max(part.counted) AS counts,
    max(part.word) AS mark,
    max(part.close) AS closed,
    toUnixTimestamp(max(part.at)) AS heard
FROM
(
    SELECT src, intDiv(seq, {block:UInt64}) AS block, outcome NOT IN ('dead', 'source', 'duplicate') AS counted,
           count() AS rows, groupBitmapState(seq) AS numbers, min(seq) AS first, max(seq) AS last,
           maxIf(mark + (seq = mark + 1), kind IN ('heartbeat', 'close')) AS word, max(kind = 'close') AS close,
           max(append_time) AS at
    FROM events
    WHERE edition = 0 AND seq > 0 AND toDate(batch_time) BETWEEN {day_from:Date} AND {day_to:Date}
      AND (empty({srcs:Array(UInt64)}) OR src IN {srcs:Array(UInt64)})
      AND ({everywhere:Bool} OR topic_id = {topic_id:UUID} AND
           kafka_offset BETWEEN {starts:Array(UInt64)}[kafka_partition + 1] AND {ends:Array(UInt64)}[kafka_partition + 1])
    GROUP BY src, block, counted
    UNION ALL
    SELECT src, intDiv(seq, {block:UInt64}) AS block, gone.counted AS counted, groupBitmap(seq) AS rows,
           groupBitmapState(seq) AS numbers, min(seq) AS first, max(seq) AS last, 0 AS word, 0 AS close,
           toDateTime64(max(hour), 3, 'UTC') AS at
    FROM
    (
        SELECT src, counted, hour, arrayJoin(bitmapToArray(numbers)) AS seq
        FROM erased
        WHERE day BETWEEN {day_from:Date} AND {day_to:Date}
          AND (empty({srcs:Array(UInt64)}) OR src IN {srcs:Array(UInt64)})
          AND ({everywhere:Bool} OR topic_id = {topic_id:UUID} AND
               bitmapMax(offsets) >= {starts:Array(UInt64)}[kafka_partition + 1] AND
               bitmapMin(offsets) <= {ends:Array(UInt64)}[kafka_partition + 1])
    ) AS gone
    GROUP BY src, block, counted
) AS part
GROUP BY src, part.block
