-- Where an identifier is found: in which minutes of `traffic`, which is in the order of time. One row for each
-- identifier and minute, however many events there are in it; what matches in that minute is for the query to
-- say (shared/store/lookup.ts), so that two identifiers with one key cost a little time and nothing else.
-- Chosen by measurement: docs/decisions.md, "The schema study".
--
-- `key` of an IPv4 address is its number, of an IPv6 address its first 64 bits, so that a prefix is a range of
-- keys. Of everything else it is 40 bits of a hash, above all IPv4 and below all global IPv6 addresses: of
-- addresses and users, in lower case, also without the subaddress and of their domain with its `@`; of host
-- names; of Message-IDs.
--
-- Rows go into it with each insert into `traffic`, before that is acknowledged. Its days go with the days of
-- `traffic`; while a day is there, its rows are.
CREATE TABLE IF NOT EXISTS {{database}}.traffic_index{{local}}{{onCluster}}
(
    day    Date CODEC(ZSTD(1)),
    key    UInt64 CODEC(Delta(8), ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta(4), ZSTD(1))
)
ENGINE = {{engine:traffic_index}}
PARTITION BY day
ORDER BY (key, minute)
TTL toDateTime(day + 1) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    index_granularity = 1024,
    min_compress_block_size = 16384,
    {{durability}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{database}}.traffic_index_fill{{local}}{{onCluster}}
TO {{database}}.traffic_index{{local}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS WITH
    arrayMap(x -> lower(x), arrayFilter(x -> x != '',
        [senderAddress, recipientAddress, recipientOriginalAddress, senderUser, recipientUser])) AS names,
    arrayMap(x -> splitByChar('@', x)[-1], arrayFilter(x -> position(x, '@') > 0, names)) AS domains,
    arrayMap(x -> concat(
        splitByChar('+', substring(x, 1, length(x) - length(splitByChar('@', x)[-1]) - 1))[1], '@', splitByChar('@', x)[-1]),
        arrayFilter(x -> position(x, '+') > 0 AND position(x, '@') > 0, names)) AS bases,
    arrayFilter(x -> x != '', [senderIp, originHostIpApart, deliveryHostIp, clientIp, proxyIp]) AS ips
SELECT DISTINCT
    toDate(collectedAt) AS day,
    arrayJoin(arrayConcat(
        arrayMap(x -> bitAnd(sipHash64(x), 1099511627775) + 1099511627776, arrayDistinct(arrayConcat(
            names, bases, arrayMap(x -> concat('@', x), domains),
            arrayFilter(x -> x != '', [lower(originHostName), lower(deliveryHostName), messageId])))),
        arrayMap(x -> if(position(x, ':') = 0,
            toUInt64(IPv4StringToNumOrDefault(x)),
            reinterpretAsUInt64(reverse(substring(IPv6StringToNumOrDefault(x), 1, 8)))), arrayDistinct(ips)))) AS key,
    toStartOfMinute(occurredAt) AS minute
FROM {{database}}.traffic{{local}};

-- What the disclosure service asks: the days within the retention period, by the server's own clock.
CREATE OR REPLACE VIEW {{database}}.traffic_index_retained{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT * FROM {{database}}.traffic_index{{local}}
WHERE addMonths(day + 1, {{retentionMonths}}) > now64(3, 'UTC');

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic_index_retained{{onCluster}} AS {{database}}.traffic_index_retained_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_index_retained_local');
{{end}}
