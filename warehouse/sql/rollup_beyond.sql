(SELECT if(count() = 0, toDate('2149-06-06'), min(day))
 FROM (SELECT topic_id, kafka_partition, toDate(batch_time) AS day, min(kafka_offset) AS lowest, max(kafka_offset) AS highest
       FROM events WHERE edition = 0 GROUP BY topic_id, kafka_partition, day)
 WHERE NOT $counted)
