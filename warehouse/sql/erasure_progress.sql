-- How far the deleting is: parts that are still to be written anew, and what went wrong last.
SELECT sum(parts_to_do), max(latest_fail_reason)
FROM system.mutations
WHERE database = currentDatabase() AND table = 'events' AND NOT is_done AND NOT is_killed
  AND position(command, {erasure:String}) > 0
HAVING count() > 0
