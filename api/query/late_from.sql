-- The first day of records that a clock has not, and no later one than today's: what comes next is of today.
SELECT least($first_day_beyond, toDate(now('UTC') - INTERVAL 1 HOUR))
