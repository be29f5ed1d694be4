-- A part of an answer that is read from a rollup: rows under the seals that were live when the books were read. It fails
-- where history was switched meanwhile, since all seals are dead then.
WITH $switched
SELECT
    $measures
FROM $table AS rolled
WHERE NOT throwIf(switched.6 != {switch:UInt64}, 'history was switched')
    AND seal IN $seals
    AND $where
GROUP BY ALL
