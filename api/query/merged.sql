-- The parts of an answer, which have no record in common, put together: each is grouped by itself before.
SELECT
    $measures
FROM
(
$parts
) AS parts
GROUP BY ALL
