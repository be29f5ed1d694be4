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
    SELECT
        channel AS d0,
        countIf(outcome IN ('suspect', 'human')) AS clicks,
        countIf(outcome = 'bot') AS bots,
        countIf(outcome = 'prefetch') AS prefetches,
        countIf(outcome = 'repeat') AS repeats,
        countIf(outcome = 'duplicate') AS duplicates,
        countIf(outcome = 'orphan') AS orphans,
        countIf(outcome = 'expired') AS expired,
        countIf(outcome = 'disabled') AS disabled,
        countIf(outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitor_clicks,
        uniqCombined64StateIf(14)(salt_day, visitor_id, outcome IN ('suspect', 'human') AND visitor_id != 0) AS visitors
    FROM events
    WHERE edition = 0
        AND (ts >= fromUnixTimestamp64Milli({s0:Int64}, 'UTC') AND ts < fromUnixTimestamp64Milli({s1:Int64}, 'UTC'))
        AND ((country IN {p0:Array(String)}) OR (NOT (link_id IN {p1:Array(UInt64)})))
    GROUP BY ALL
)
WHERE NOT throwIf((SELECT max(version) FROM editions) != {switch:UInt64}, 'history was switched')
ORDER BY kept DESC, m0 DESC, d0 ASC
LIMIT {rows:UInt64}
