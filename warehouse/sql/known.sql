-- Which of the flagged click ids stand in the ledger already; a source's flagged clicks lie close together in seq.
SELECT src, seq
FROM events
WHERE edition = 0 AND outcome NOT IN ('dead', 'duplicate') AND src IN {srcs:Array(UInt64)}
  AND seq BETWEEN {seq_min:UInt64} AND {seq_max:UInt64}
