-- The answer to one query: the inner step groups rows into measures, the outer one makes metrics of them, with totals
-- over all groups. A group without any of what was asked for is not kept, but has been seen by the totals; the first
-- row stands even so, because it carries them.
SELECT
    $columns
FROM
(
$groups
)
ORDER BY $order
LIMIT {rows:UInt64}
