-- Clicks as they come: some fifteen hours at a hundred million a month, over twelve partitions and eight redirector
-- processes, sixty in a hundred on twenty links and the rest on a hundred thousand, each from a visitor who has one
-- network, one browser and one place. `count` says how many.
INSERT INTO events (
    topic_id, kafka_partition, kafka_offset, edition, append_time, batch_time, fence,
    kind, outcome, verdict, score, reasons, rules_version, src, seq, ts, mark,
    domain, path, status, link_id, link_version, destination,
    network, address_id, visitor_id, salt_day, user_agent, referrer, accept_language, query,
    position, position_of, slot, message_id, recipient_id, sent_at,
    device, device_brand, browser, browser_version, os, os_version, country, region, city, asn, as_name,
    referrer_host, referrer_domain, referrer_source, utm_source, utm_medium, utm_campaign, channel, placement, language)
WITH
    number AS n,
    cityHash64(n) AS r,
    cityHash64(n, 1) AS q,
    1790000000000 + intDiv(n * 51840000, {count:UInt64}) + (q % 40) AS ms,
    cityHash64(n, 7) % 8 AS process,
    cityHash64(if(q % 3 < 2, n, intDiv(n, 3)), 9) AS person,
    person % 400000 AS visitor,
    cityHash64(visitor, 3) AS vh,
    cityHash64(visitor, 4) % 12 AS part,
    if(r % 10 < 6, toUInt64(20 * pow((intDiv(r, 16) % 100000) / 100000, 2)), 20 + toUInt64(100000 * pow((intDiv(r,
    16) % 1000003) / 1000003, 2))) AS link,
    cityHash64(link, 11) AS lh
SELECT
    toUUID('6f1c2d2e-8f6b-4e3f-9a53-1c2d3e4f5a6b'), part, intDiv(n, 12), 0,
    fromUnixTimestamp64Milli(ms + 20 + q % 900), toDateTime(intDiv(ms, 1000) + 1 - intDiv(ms, 1000) % 3),
    1 + cityHash64('nonce', part) % 9223372036854775807,
    'click', multiIf(vh % 12 = 0, 'bot', q % 25 = 0, 'repeat', q % 40 = 0, 'suspect', 'human') as o,
    multiIf(o='bot','bot',o='suspect','suspect','human'), if(o='bot', 95, if(o='suspect', 40, 0)),
    if(o='bot', ['crawler_words'], []), '2026-11-22.1', 9876543210 + process * 7654321, intDiv(n, 8) + 1,
    fromUnixTimestamp64Milli(ms), 0,
    arrayElement(['go.example','l.shop.example','x.example'], 1 + lh % 3), concat('/link-', toString(link)), 302, lh,
    1 + lh % 3,
    concat('https://books.example/', toString(link)),
    concat(toString(vh % 223), '.', toString(intDiv(vh, 16384) % 256), '.', toString(intDiv(vh, 256) % 256), '.0/24'),
    sipHash64(visitor, 5), if(vh % 20 = 0, 0, sipHash64(visitor, 6)), toDate(fromUnixTimestamp64Milli(ms)),
    concat('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
        toString(100 + toUInt32(vh/7) % 50), '.0.0.0 Safari/537.36'),
    if(vh % 3 = 0, '', concat('https://site-', toString(intDiv(vh, 128) % 300), '.example/')), 'en-GB,en;q=0.9',
    if(q % 5 < 2, concat('utm_source=newsletter&utm_medium=email&sid=', hex(sipHash64(n))), 'utm_source=newsletter'),
    if(lh % 3=0, 0, 1 + (lh + toUInt8(q % 4 = 0)) % 12), if(lh % 3=0, 0, 12), if(lh % 12 = 0, 'hero', 'body'),
    if(vh % 4 = 0, concat('spring-', toString(lh % 50)), ''), if(vh % 4 = 0, hex(vh), ''), if(vh%4=0,
    toDateTime(1789990000 + lh % 5000), toDateTime(0)),
    1 + intDiv(vh, 8) % 3, arrayElement(['','Apple','Samsung','Google','Xiaomi'], 1 + vh % 5),
    arrayElement(['Chrome','Safari','Edge','Firefox','Samsung Internet','Mobile Safari'], 1 + intDiv(vh,9) % 6),
    concat(toString(100 + intDiv(vh, 32) % 50), '.0'), arrayElement(['Windows','iOS','Android','Mac OS X','Linux'],
    1 + intDiv(vh,5) % 5), toString(10 + intDiv(vh,77) % 9),
    concat(char(65 + intDiv(vh, 256) % 12), char(65 + intDiv(vh, 8192) % 8)), concat('Region ',
    toString(intDiv(vh,256) % 700)), concat('City ', toString(toUInt32(5000*pow((vh%10007)/10007,3)))),
    3000 + toUInt32(2000*pow((vh%10009)/10009,2)), concat('Net ', toString(toUInt32(2000*pow((vh%10009)/10009,2)))),
    if(vh % 3 = 0, '', concat('site-', toString(intDiv(vh, 128) % 300), '.example')) AS host, host, if(vh % 6 = 1,
    'Google', ''),
    if(lh % 2 = 0, 'newsletter', ''), if(lh % 2 = 0, 'email', ''), if(lh % 2 = 0, concat('campaign-',
    toString(lh % 40)), ''), arrayElement(['Email','Direct','Organic Search','Paid Social','Referral'],
    1 + if(lh % 2 = 0, 0, vh % 5)), if(lh % 3 = 0, 0, 1 + lh % 5), arrayElement(['en-gb','de','fr','es-es','it'],
    1 + intDiv(vh,3) % 5)
FROM numbers({count:UInt64})
SETTINGS max_insert_threads = 1, async_insert = 0
