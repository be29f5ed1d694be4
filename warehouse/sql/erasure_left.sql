-- What there is of it, table by table: rows as they were first judged and of other editions, offsets that were erased and
-- have a row again, dead letters, links that are deleted, and those that still stand.
SELECT
    (SELECT count() FROM events WHERE edition = 0 AND $rows) AS rows,
    (SELECT count() FROM events WHERE edition != 0 AND $rows) AS judged_again,
    (SELECT count() FROM dead_letters WHERE $letters) AS letters,
    (SELECT count() FROM links WHERE $links) AS link_rows,
    (SELECT count() FROM links FINAL
     WHERE NOT deleted AND ({what:String} = 'link' AND link_id = reinterpretAsUInt64(reverse(unhex({link:String})))
                            OR {what:String} = 'domain' AND domain = {subject:String})) AS standing_links
