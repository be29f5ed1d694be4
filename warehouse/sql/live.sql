if(empty(switched.1), edition = 0, edition = arraySum(
    layer -> if(
        topic_id = (switched.1)[layer] AND kafka_partition < switched.3
            AND kafka_offset BETWEEN (switched.4)[(layer - 1) * switched.3 + kafka_partition + 1]
                AND (switched.5)[(layer - 1) * switched.3 + kafka_partition + 1],
        (switched.2)[layer], 0),
    arrayEnumerate(switched.1)))