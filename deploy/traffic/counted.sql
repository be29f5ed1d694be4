-- What stands in `events` of the requests that were made from {start} on: the other side of a manifest.
SELECT
    toString(click_id) AS id,
    toString(outcome) AS outcome,
    link_id AS link,
    channel,
    country,
    city,
    toString(device) AS device,
    position,
    position_of,
    slot
FROM events
WHERE edition = 0
    AND ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND kind NOT IN ('heartbeat', 'close', 'unknown')
