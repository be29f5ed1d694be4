-- The switch of editions, and of each family's book the rolls since its last whole one that are not known yet; the last
-- known one again, without its units, to see that it still counts.
SELECT
    (SELECT max(version) FROM editions) AS switch,
    groupArray((
        family, number, roll, follows, whole, rolls.switch, zone, topics, width, starts, ends,
        if(number > known, arrayMap(start -> toUnixTimestamp(start), units.start), []),
        if(number > known, units.seal, []), if(number > known, units.events, []), if(number > known, units.frozen, [])
    ))
FROM
(
    SELECT *, transform(family, {families:Array(String)}, {numbers:Array(UInt64)}, 0) AS known,
           max(if(whole, number, 0)) OVER (PARTITION BY family) AS wholly
    FROM rolls
    WHERE family IN {families:Array(String)}
) AS rolls
WHERE number >= known AND number >= wholly
