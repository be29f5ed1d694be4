-- A page of the audit log, the newest first.
SELECT action, object, status, key_name, key_id, request_id, domain, before, after, at, id
FROM api_writes FINAL
WHERE ({before:Int64} = 0 OR (at, id) < (fromUnixTimestamp64Milli({before:Int64}, 'UTC'), {before_id:UUID}))
    AND ({object:String} = '' OR object = {object:String})
    AND ({key:String} = '' OR key_id = {key:String})
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32}
