-- A part of an answer that is read from the records themselves.
SELECT
    $measures
FROM events
WHERE $live
    AND $where
GROUP BY ALL
