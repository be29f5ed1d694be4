-- The last nonce written for a partition is the only one whose inserts are taken.
INSERT INTO fences (topic_id, kafka_partition, nonce)
VALUES ({topic_id:UUID}, {partition:UInt16}, {nonce:UInt64})
