({what:String} = 'link' AND link_id = reinterpretAsUInt64(reverse(unhex({link:String})))
    OR {what:String} = 'domain' AND domain = {subject:String})
    AND link_id IN (SELECT link_id FROM links FINAL WHERE deleted)
