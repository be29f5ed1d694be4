-- The answer to one query: the inner step groups rows into measures, the outer one makes metrics of them, with totals
-- over all groups. A group without any of what was asked for is not kept, but has been seen by the totals; the first
-- row stands even so, because it carries them. It fails where history was switched to another edition since the books
-- were read: the seals are dead then, and the layers are others.
SELECT
    $columns
FROM
(
$groups
)
WHERE NOT throwIf((SELECT max(version) FROM editions) != {switch:UInt64}, 'history was switched')
ORDER BY $order
LIMIT {rows:UInt64}
