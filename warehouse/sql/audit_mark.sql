-- The last mark of a topic: what an audit has proven before.
SELECT taken_at, partitions.number, partitions.next,
       sources.src, sources.complete, sources.ahead, sources.mark, sources.closed, sources.heard
FROM audit_marks
WHERE topic_id = {topic_id:UUID}
ORDER BY taken_at DESC
LIMIT 1
