-- The months of a table that are older than what is kept, each with its partitions.
SELECT toUInt32(substring(replaceAll(partition, '(', ''), 1, 6)) AS month, groupUniqArray(partition), sum(rows)
FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
GROUP BY month
HAVING month < {before:UInt32}
ORDER BY month
