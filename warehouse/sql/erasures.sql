-- The book of erasures.
SELECT erasure, toString(state), toString(what), subject, day, asked_at, rows, letters, links, searched, checked_at
FROM erasures FINAL
WHERE empty({ids:Array(UUID)}) OR erasure IN {ids:Array(UUID)}
ORDER BY asked_at, erasure
