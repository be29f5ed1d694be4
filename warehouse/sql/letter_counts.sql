-- The dead letters by step and reason.
SELECT stage, reason, count() AS letters, countIf(replayed_at > 0) AS replayed, min(append_time), max(append_time)
FROM dead_letters FINAL
WHERE append_time >= fromUnixTimestamp64Milli({since:Int64})
  AND (empty({stages:Array(String)}) OR stage IN {stages:Array(String)})
  AND (empty({reasons:Array(String)}) OR reason IN {reasons:Array(String)})
GROUP BY stage, reason
ORDER BY letters DESC, stage, reason
