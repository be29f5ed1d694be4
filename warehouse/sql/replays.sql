-- The editions of history; FINAL, since a row is written again when its state changes.
SELECT edition, toString(state), asked_from, asked_to, rules_version, topics, width, firsts, lasts, started_at
FROM replays FINAL
ORDER BY edition
