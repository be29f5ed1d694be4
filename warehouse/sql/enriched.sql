-- Rows of a partition as `streams.enriched.EnrichedClick` has them, field by field and in its order: what the publisher
-- sends again of what was stored and may not have been sent.
SELECT
    src, seq,
    toBool(resent),
    toUnixTimestamp64Milli(ts),
    domain, path, status,
    if(link_id = 0, '', lower(leftPad(hex(link_id), 16, '0'))),
    link_version, variant, destination, network,
    if(address_id = 0, '', lower(leftPad(hex(address_id), 16, '0'))),
    if(visitor_id = 0, '', lower(leftPad(hex(visitor_id), 16, '0'))),
    if(toUInt16(salt_day) = 0, '', toString(salt_day)),
    toBool(salt_local),
    toBool(opted_out),
    user_agent, hints, referrer, accept_language, purpose, query, position, position_of, slot, message_id,
    recipient_id,
    toUnixTimestamp(sent_at),
    asked_channel,
    toBool(qr),
    toBool(trap),
    toString(device),
    device_brand, browser, browser_version, os, os_version, country, region, city, asn, as_name, referrer_host,
    referrer_domain, referrer_source, utm_source, utm_medium, utm_campaign, utm_term, utm_content, utm_source_raw,
    utm_medium_raw, utm_campaign_raw, utm_term_raw, utm_content_raw, ad_click, channel,
    toString(placement),
    language, extra,
    toString(click_id),
    toString(topic_id),
    kafka_partition, kafka_offset,
    toUnixTimestamp64Milli(append_time),
    toString(kind),
    toString(outcome),
    toString(verdict),
    score, reasons, rules_version
FROM events
WHERE topic_id = {topic_id:UUID} AND kafka_partition = {partition:UInt16} AND edition = 0
  AND kafka_offset >= {first:UInt64} AND kafka_offset < {end:UInt64}
  AND kind IN ('click', 'orphan', 'expired', 'disabled')
ORDER BY kafka_offset
