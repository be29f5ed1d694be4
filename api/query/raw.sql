-- A part of an answer that is read from the records themselves.
WITH $switched
SELECT
    $measures
FROM events
WHERE $live
    AND $where
GROUP BY ALL
