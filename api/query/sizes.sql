-- Rows of each rollup's table, those of dead seals too.
SELECT name, assumeNotNull(total_rows)
FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, 'rollup_')
