-- Raw clicks in the order of their times. The inner step knows the columns of `events` as filters do, the outer one gives
-- them their public names and forms.
SELECT
    $columns
FROM
(
    WITH $switched
    SELECT *, click_id
    FROM events
    WHERE $live
        AND ts >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND ts < fromUnixTimestamp64Milli({end:Int64}, 'UTC')$conditions
) AS e
ORDER BY e.ts $direction, e.kafka_partition $direction, e.kafka_offset $direction
