-- End every insert of the partition that is still under way; run until none is left.
KILL QUERY WHERE Settings['log_comment'] = {comment:String} AND query_kind = 'Insert' SYNC
