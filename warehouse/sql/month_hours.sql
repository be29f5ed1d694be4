-- The hours of the clicks of a month (Unix seconds).
SELECT DISTINCT toUnixTimestamp(toStartOfHour(ts)) FROM events WHERE toYYYYMM(batch_time) = {month:UInt32} AND edition = 0
