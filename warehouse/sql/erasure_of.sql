({what:String} = 'link' AND link_id = reinterpretAsUInt64(reverse(unhex({link:String})))
    OR {what:String} = 'domain' AND domain = {subject:String}
    OR {what:String} = 'recipient' AND recipient_id != ''
        AND lower(hex(SHA256(concat({erasure:String}, recipient_id)))) = {subject:String}
    OR {what:String} = 'visitor' AND salt_day = {day:Date} AND visitor_id != 0
        AND lower(hex(SHA256(concat({erasure:String}, leftPad(lower(hex(visitor_id)), 16, '0'))))) = {subject:String})
    AND ts < fromUnixTimestamp64Milli({before:Int64})
