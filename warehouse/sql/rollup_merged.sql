-- Seal units again that got late clicks: what stands under their seals, and the live events at the offsets that came since.
INSERT INTO $table ($columns)
WITH $switched
SELECT {seal:UInt64} + intDiv(unit, 3600), toDateTime(grain, 'UTC'), $keys, sum(n)$merged_visitors
FROM
(
    SELECT $unit AS unit, toUnixTimestamp(ts) AS grain, $keys, n$visitors
    FROM $table
    WHERE seal IN {seals:Array(UInt64)}
      AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
    UNION ALL
    SELECT $unit AS unit, $grain AS grain, $keys, count() AS n$raw_visitors
    FROM events
    WHERE $live AND toDate(batch_time) >= $day AND $added AND unit IN {units:Array(UInt32)}
      AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
    GROUP BY unit, grain, $keys
)
GROUP BY unit, grain, $keys
