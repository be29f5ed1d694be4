-- Seal units from raw: what a family keeps of their live events at the offsets of the clock.
INSERT INTO $table ($columns)
WITH $switched
SELECT {seal:UInt64} + intDiv(unit, 3600), toDateTime(grain, 'UTC'), $keys, n$visitors
FROM
(
    SELECT $unit AS unit, $grain AS grain, $keys, count() AS n$raw_visitors
    FROM events
    WHERE $live AND unit IN {units:Array(UInt32)} AND $counted
      AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
    GROUP BY unit, grain, $keys
)
