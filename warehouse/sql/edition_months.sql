-- The months in which an edition has rows: each is a partition of the table.
SELECT DISTINCT toYYYYMM(batch_time) FROM events WHERE edition = {edition:UInt32}
