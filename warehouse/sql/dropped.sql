-- What was dropped, the earliest first.
SELECT month, dropped_at, rows, partitions.topic_id, partitions.number, partitions.until, partitions.rows,
       sources.src, sources.runs, sources.mark, sources.closed, sources.heard
FROM dropped FINAL
ORDER BY month
