-- What an edition changed, from what to what.
SELECT change.1 AS what, change.2 AS before, change.3 AS after, sum(change.4) AS times
FROM (SELECT arrayJoin(arrayZip(changes.what, changes.before, changes.after, changes.rows)) AS change
      FROM replay_changes FINAL WHERE edition = {edition:UInt32})
GROUP BY what, before, after
ORDER BY what, times DESC, before, after
