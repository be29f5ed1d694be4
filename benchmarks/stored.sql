-- Clicks as they lie in a table after a while: twenty links with six tenths of the traffic and a tail of 100,000, people
-- who come back, and what goes together does (channel and source, device and browser). In the order of their arrival,
-- one in a thousand late by up to six hours. `first` and `count` say which part of `total` they are; the whole of it
-- lies in `seconds` from `begin` on.
INSERT INTO events (
    topic_id, kafka_partition, kafka_offset, edition, append_time, batch_time, fence,
    kind, outcome, verdict, score, reasons, rules_version, src, seq, ts,
    domain, path, status, link_id, link_version, variant, destination,
    network, address_id, visitor_id, salt_day, user_agent, referrer, accept_language, query,
    position, position_of, slot, message_id, recipient_id,
    device, device_brand, browser, browser_version, os, os_version, country, region, city, asn, as_name,
    referrer_host, referrer_domain, referrer_source, utm_source, utm_medium, utm_campaign, channel, placement, language)
WITH
    number + {first:UInt64} AS n,
    cityHash64(n) AS r,
    cityHash64(n, 1) AS s,
    (r % 1000003) / 1000003 AS u,
    (intDiv(r, 1000003) % 1000003) / 1000003 AS v,
    -- When: evenly through the time, some of it late
    {begin:DateTime64(3, 'UTC')} + toIntervalMillisecond(intDiv(n * {seconds:UInt64} * 1000, {total:UInt64})) AS arrived,
    arrived - toIntervalMillisecond(40 + s % 900 + if(s % 1000 = 7, intDiv(s, 1000) % 21600000, 0)) AS at,
    -- Who: a sixtieth as many people as clicks, the keenest of them most of all
    toUInt64({total:UInt64} / 60 * pow(v, 1.6)) AS person,
    cityHash64(person, 2) AS p,
    p % 100 AS class,
    multiIf(class < 58, 1, class < 94, 0, class < 98, 2, 3) AS machine,
    (intDiv(p, 100) % 10007) / 10007 AS where_from,
    toUInt64(60 * pow(where_from, 3)) AS land,
    concat(char(65 + land % 26), char(65 + intDiv(land, 26) * 7 % 26)) AS nation,
    -- What: which link, on which of five hosts, at which place of the mail
    toUInt64(if(s % 10 < 6, 20 * pow(u, 2), 20 + 100000 * pow(u, 1.5))) AS link,
    ['go.example', 'go.example', 'go.example', 's.example', 's.example', 'mail.example', 'qr.example', 'ads.example'][1 + link % 8] AS host,
    1 + toUInt64(12 * pow((intDiv(s, 64) % 1009) / 1009, 2)) AS place,
    -- Whence
    intDiv(s, 4096) % 100 AS way,
    multiIf(way < 38, 1, way < 52, 2, way < 63, 3, way < 72, 4, way < 80, 5, way < 86, 6, way < 91, 7, way < 94, 8,
        way < 96, 9, way < 98, 10, way < 99, 11, 12) AS road,
    -- Whether it counts
    intDiv(s, 1048576) % 100 AS kind_of,
    multiIf(kind_of < 8, 'bot', kind_of < 10, 'prefetch', kind_of < 13, 'repeat', kind_of < 17, 'suspect', kind_of < 18, 'orphan', 'human') AS what
SELECT
    {topic_id:UUID}, 0, n, 0, arrived, toDateTime(arrived), {nonce:UInt64},
    if(what = 'orphan', 'orphan', 'click'), what,
    multiIf(what = 'orphan', 'none', what = 'repeat', 'human', what), if(what = 'bot', 95, 0),
    if(what = 'bot', ['crawler_words'], []), 'generated', 42, n + 1, at,
    host, concat('/link-', toString(link)), if(what = 'orphan', 404, 302), if(what = 'orphan', 0, cityHash64(link)), 1,
    if(link < 5, ['a', 'b'][1 + p % 2], ''), concat('https://books.example/', toString(link)),
    concat(toString(p % 223), '.', toString(intDiv(p, 16384) % 256), '.', toString(intDiv(p, 64) % 256), '.0/24'),
    sipHash64(person, toDate(at)), sipHash64(person, toDate(at), host), toDate(at),
    concat('Mozilla/5.0 (', ['Windows NT 10.0; Win64; x64', 'Linux; Android 14; Pixel 8', 'iPad; CPU OS 17_4 like Mac OS X', 'SMART-TV; Tizen 7.0'][1 + machine],
        ') AppleWebKit/537.36 (KHTML, like Gecko) Chrome/', toString(100 + intDiv(p, 32) % 50), '.0.0.0 Safari/537.36'),
    if(road IN (3, 5, 7), concat('https://site-', toString(intDiv(s, 128) % 300), '.example/'), ''), 'en-GB,en;q=0.9',
    if(road = 1, concat('utm_source=newsletter&utm_medium=email&sid=', toString(person)), ''),
    place, 12, if(place = 1, 'hero', if(place > 10, 'footer', 'body')), concat('issue-', toString(toDayOfYear(at))), if(road = 1, toString(person), ''),
    1 + machine, ['', 'Samsung', 'Apple', 'LG'][1 + machine], ['Chrome', 'Chrome Mobile', 'Mobile Safari', 'Samsung Internet'][1 + (machine + if(p % 5 = 0, 1, 0)) % 4],
    concat(toString(100 + intDiv(p, 32) % 50), '.0'), ['Windows', 'Android', 'iOS', 'Tizen'][1 + machine], toString(10 + intDiv(p, 8) % 6),
    nation, concat(nation, '-', toString(intDiv(p, 7) % 12)), concat(nation, '-city-', toString(intDiv(p, 11) % 400)),
    3000 + p % 2000, concat('Network ', toString(p % 2000)),
    if(road IN (3, 5, 7), concat('site-', toString(intDiv(s, 128) % 300), '.example'), ''), '',
    ['', '', 'Facebook', '', 'Google', '', '', 'ChatGPT', '', '', '', ''][road],
    ['newsletter', '', 'facebook', 'google', '', 'google', '', '', 'qr', 'sms', 'affiliate', 'push'][road],
    ['email', '', 'social', 'cpc', 'organic', 'display', 'referral', '', 'print', 'sms', 'affiliate', 'push'][road],
    if(road IN (2, 5, 7, 8), '', concat('campaign-', toString(toUInt64(40 * pow(u, 2))))),
    ['Email', 'Direct', 'Organic Social', 'Paid Search', 'Organic Search', 'Display', 'Referral', 'AI Assistants', 'QR', 'SMS', 'Affiliates', 'Mobile Push'][road],
    1 + intDiv((place - 1) * 5 + 2, 12), 'en-gb'
FROM numbers({count:UInt64})
SETTINGS max_insert_threads = 1, async_insert = 0
