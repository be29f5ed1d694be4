-- A part of an answer that is read from a rollup: rows under the seals that were live when the books were read.
SELECT
    $measures
FROM $table AS rolled
WHERE seal IN $seals
    AND $where
GROUP BY ALL
