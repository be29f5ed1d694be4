-- A page of the audit log, the newest first.
SELECT $columns
FROM api_writes FINAL
WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND (at, id) < (fromUnixTimestamp64Milli({before:Int64}, 'UTC'), {before_id:UUID})
    AND ({object:String} = '' OR object = {object:String})
    AND ({key:String} = '' OR key_id = {key:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
