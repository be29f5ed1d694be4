topic_id = {topic_$place:UUID} AND kafka_partition = {partition_$place:UInt16}
    AND bitmapContains((SELECT groupBitmapMergeState(offsets) FROM erased
                        WHERE erasure = {erasure:UUID} AND topic_id = {topic_$place:UUID}
                          AND kafka_partition = {partition_$place:UInt16}), kafka_offset)
