-- What raw has of some days of a family's units, at the offsets of its clock: events by unit and outcome.
WITH $switched
SELECT $unit AS unit, toString(outcome), count()
FROM events
WHERE $live AND $counted
  AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
GROUP BY unit, outcome
