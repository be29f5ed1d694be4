-- Live events of some units at the offsets of a clock.
WITH $switched
SELECT $unit AS unit, count()
FROM events
WHERE $live AND unit IN {units:Array(UInt32)} AND $counted
  AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
GROUP BY unit
