append_time < fromUnixTimestamp64Milli({before:Int64})
    AND arrayExists(
        found -> if({what:String} IN ('link', 'domain'), found, lower(hex(SHA256(concat({erasure:String}, found))))) = {subject:String},
        extractAll(payload, concat('"', {field:String}, '"\\s*:\\s*"([^"]*)"')))
