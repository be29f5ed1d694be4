-- Every redirector process that reported: how far it said that Kafka had its events, and how many of those are rows.
SELECT events.src AS src, marks.mark AS mark, marks.closed AS closed, groupBitmap(events.seq) AS distinct_seqs
FROM events
INNER JOIN
(
    SELECT src, max(mark) AS mark, max(kind = 'close') AS closed
    FROM events
    WHERE topic_id = {topic_id:UUID} AND edition = 0 AND kind IN ('heartbeat', 'close')
    GROUP BY src
) AS marks ON events.src = marks.src
WHERE events.topic_id = {topic_id:UUID} AND events.edition = 0 AND events.seq <= marks.mark
GROUP BY src, mark, closed
ORDER BY src
