SELECT
    d0,
    clicks AS m0,
    finalizeAggregation(visitors) AS m1,
    (clicks > 0) AS kept,
    sum(kept) OVER () AS total_rows,
    sum(bots) OVER () AS left_out_bots,
    sum(prefetches) OVER () AS left_out_prefetches,
    sum(repeats) OVER () AS left_out_repeats,
    sum(duplicates) OVER () AS left_out_duplicates,
    sum(orphans) OVER () AS left_out_orphans,
    sum(expired) OVER () AS left_out_expired,
    sum(disabled) OVER () AS left_out_disabled
FROM
(
    WITH (SELECT argMax((topics, numbers, width, firsts, lasts, version), version) FROM editions) AS switched
    SELECT
        channel AS d0,
        countIf(outcome IN ('suspect', 'human')) AS clicks,
        countIf(outcome = 'suspect') AS suspects,
        countIf(outcome = 'bot') AS bots,
        countIf(outcome = 'prefetch') AS prefetches,
        countIf(outcome = 'repeat') AS repeats,
        countIf(outcome = 'duplicate') AS duplicates,
        countIf(outcome = 'orphan') AS orphans,
        countIf(outcome = 'expired') AS expired,
        countIf(outcome = 'disabled') AS disabled,
        count() AS events,
        uniqCombined64StateIf(14)(salt_day, visitor_id, outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors,
        countIf(outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitor_clicks
    FROM events
    WHERE if(empty(switched.1), edition = 0, edition = arraySum(
        layer -> if(
            topic_id = (switched.1)[layer] AND kafka_partition < switched.3
                AND kafka_offset BETWEEN (switched.4)[(layer - 1) * switched.3 + kafka_partition + 1]
                    AND (switched.5)[(layer - 1) * switched.3 + kafka_partition + 1],
            (switched.2)[layer], 0),
        arrayEnumerate(switched.1)))
        AND (ts >= fromUnixTimestamp64Milli({s0:Int64}, 'UTC') AND ts < fromUnixTimestamp64Milli({s1:Int64}, 'UTC'))
        AND ((country IN {p0:Array(String)}) OR (NOT (link_id IN {p1:Array(UInt64)})))
    GROUP BY ALL
)
ORDER BY kept DESC, m0 DESC, d0 ASC
LIMIT {rows:UInt64}
