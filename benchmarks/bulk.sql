-- Clicks as they lie in a table after three months: twenty links with most of the traffic and a long tail, a few hundred
-- browsers, countries and campaigns. `first` and `count` say which part of them.
INSERT INTO events (
    topic_id, kafka_partition, kafka_offset, edition, append_time, batch_time, fence,
    kind, outcome, verdict, score, reasons, rules_version, src, seq, ts,
    domain, path, status, link_id, link_version, destination,
    network, address_id, visitor_id, salt_day, user_agent, referrer, accept_language, query,
    position, position_of, slot, message_id, recipient_id,
    device, device_brand, browser, browser_version, os, os_version, country, region, city, asn, as_name,
    referrer_host, referrer_domain, referrer_source, utm_source, utm_medium, utm_campaign, channel, placement, language)
WITH
    number + {first:UInt64} AS n,
    cityHash64(n) AS r,
    toDateTime('2026-09-01 00:00:00', 'UTC') + intDiv(n * 7776000, {total:UInt64}) AS at,
    if(r % 10 < 6, intDiv(r, 16) % 20, 20 + intDiv(r, 16) % 100000) AS link
SELECT
    {topic_id:UUID}, 0, n, 0, toDateTime64(at, 3, 'UTC'), at, {nonce:UInt64},
    'click', if(r % 12 = 0, 'bot', 'human'), if(r % 12 = 0, 'bot', 'human'), if(r % 12 = 0, 95, 0),
    if(r % 12 = 0, ['crawler_words'], []), 'generated', 42, n + 1, toDateTime64(at, 3, 'UTC'),
    'go.example', concat('/link-', toString(link)), 302, cityHash64(link), 1,
    concat('https://books.example/', toString(link)),
    concat(toString(intDiv(r, 64) % 223), '.', toString(intDiv(r, 16384) % 256), '.', toString(r % 64), '.0/24'),
    intDiv(r, 4), sipHash64(intDiv(r, 3)), toDate(at),
    concat('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
        toString(100 + intDiv(r, 32) % 500), '.0.0.0 Safari/537.36'),
    if(r % 3 = 0, '', concat('https://site-', toString(intDiv(r, 128) % 300), '.example/')), 'en-GB,en;q=0.9',
    if(r % 5 < 2, concat('utm_source=newsletter&utm_medium=email&sid=', hex(sipHash64(n))), 'utm_source=newsletter'),
    1 + r % 12, 12, if(r % 12 = 0, 'hero', 'body'), 'spring-2026', hex(intDiv(r, 8)),
    1 + intDiv(r, 8) % 3, '', 'Chrome', concat(toString(100 + intDiv(r, 32) % 50), '.0'), 'Windows', '10',
    concat(char(65 + intDiv(r, 256) % 26), char(65 + intDiv(r, 8192) % 8)), '', '', 3000 + intDiv(r, 512) % 2000, '',
    if(r % 3 = 0, '', concat('site-', toString(intDiv(r, 128) % 300), '.example')), '', '',
    'newsletter', 'email', concat('campaign-', toString(intDiv(r, 1024) % 40)), 'Email', 1 + r % 5, 'en-gb'
FROM numbers({count:UInt64})
SETTINGS max_insert_threads = 1, async_insert = 0
