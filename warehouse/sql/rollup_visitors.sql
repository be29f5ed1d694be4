-- Visitors of one unit by domain, from its states and from raw: equal, since it is the same function of the same values.
WITH $switched
SELECT domain, uniqCombined64MergeIf($precision)(visitors, sealed), uniqCombined64MergeIf($precision)(visitors, NOT sealed)
FROM
(
    SELECT domain, visitors, 1 AS sealed FROM $table WHERE seal = {seal:UInt64}
    UNION ALL
    SELECT domain, $states, 0 AS sealed
    FROM events
    WHERE $live AND $counted AND $unit = {start:UInt32}
      AND ts >= toDateTime({start:UInt32}, 'UTC') AND ts < toDateTime({end:UInt32}, 'UTC')
    GROUP BY domain
)
GROUP BY domain
