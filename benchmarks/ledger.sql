-- A ledger as it lies in a table after months: `day` events a day from eight redirectors that are started anew each day,
-- with heartbeats and a close, over some partitions. `first` and `count` say which part of it. Only the columns that the
-- audit reads and those that order the table are filled.
INSERT INTO events (
    topic_id, kafka_partition, kafka_offset, edition, append_time, batch_time, fence,
    kind, outcome, verdict, src, seq, mark, ts, domain, link_id, visitor_id, channel)
WITH
    number + {first:UInt64} AS n,
    cityHash64(n) AS r,
    intDiv(n % {day:UInt64}, 8) + 1 AS numbered,
    multiIf(numbered = {day:UInt64} / 8, 'close', numbered % 1000 = 0, 'heartbeat', r % 50 = 0, 'orphan', 'click') AS what,
    toDateTime64('2026-08-01 00:00:00', 3, 'UTC') + n * 86400 / {day:UInt64} AS at
SELECT
    {topic_id:UUID}, (n + cityHash64(intDiv(n, {partitions:UInt64}))) % {partitions:UInt64}, intDiv(n, {partitions:UInt64}),
    0, at, at, {nonce:UInt64},
    what,
    multiIf(what IN ('close', 'heartbeat'), 'source', what = 'orphan', 'orphan',
            r % 12 = 0, 'bot', r % 31 = 0, 'repeat', r % 43 = 0, 'suspect', 'human') AS outcome,
    multiIf(outcome IN ('human', 'repeat'), 'human', outcome IN ('bot', 'suspect'), outcome, 'none'),
    1 + intDiv(n, {day:UInt64}) * 8 + (n + cityHash64(intDiv(n, 8))) % 8, numbered,
    multiIf(what = 'close', numbered, what = 'heartbeat', numbered - 1, 0),
    at, 'go.example', cityHash64(if(r % 10 < 6, intDiv(r, 16) % 20, 20 + intDiv(r, 16) % 100000)),
    sipHash64(intDiv(r, 3)), arrayElement(['Email', 'Direct', 'Organic Search', 'Paid Search'], 1 + intDiv(r, 128) % 4)
FROM numbers({count:UInt64})
SETTINGS max_insert_threads = 1, async_insert = 0
