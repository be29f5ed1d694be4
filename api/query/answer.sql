-- The answer to one query: the inner step groups rows into measures, the outer one makes metrics of them, with totals
-- over all groups. A group without any of what was asked for is not kept, but has been seen by the totals; the first
-- row stands even so, because it carries them.
SELECT
    $columns
FROM
(
    WITH $switched
    SELECT
        $measures
    FROM events
    WHERE $live
        AND ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')$conditions
    GROUP BY ALL
)
ORDER BY $order
LIMIT {rows:UInt64}
