-- What stands under the live seals of the same units.
SELECT $unit AS unit, toString(outcome), sum(n)
FROM $table
WHERE seal IN {seals:Array(UInt64)}
  AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
GROUP BY unit, outcome
