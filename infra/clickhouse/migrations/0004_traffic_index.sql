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
-- Rows go into it with each insert into `traffic`, before that is acknowledged. It goes a week at a time, because
-- to ask a part for each of half a year's days takes most of a lookup's time; and a week goes when its first day
-- has expired, because a part must not outlive what is in it, nor its rows be written anew under a younger key
-- of the disk. For the days that are left of such a week there is `traffic_index_days`, by the day and the hour.
CREATE TABLE IF NOT EXISTS {{database}}.traffic_index{{local}}{{onCluster}}
(
    -- Monday of the week of collection.
    week   Date CODEC(ZSTD(1)),
    key    UInt64 CODEC(Delta(8), ZSTD(1)),
    -- Of the event's own time, in minutes since 1970.
    minute UInt32 CODEC(T64, ZSTD(1)),
    -- From that minute's day to the day of collection: nearly always 0.
    later  Int32 CODEC(ZSTD(1))
)
ENGINE = {{engine:traffic_index}}
PARTITION BY week
ORDER BY (key, minute, later)
TTL toDateTime(week + 1) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    index_granularity = 1024,
    min_compress_block_size = 16384,
    ratio_of_defaults_for_sparse_serialization = 1,
    prewarm_mark_cache = 1,
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
    arrayFilter(x -> x != '', [senderIp, originHostIpApart, deliveryHostIp, clientIp, proxyIp]) AS ips,
    toStartOfMinute(occurredAt) AS at
SELECT DISTINCT
    toMonday(toDate(collectedAt)) AS week,
    arrayJoin(arrayConcat(
        arrayMap(x -> bitAnd(sipHash64(x), 1099511627775) + 1099511627776, arrayDistinct(arrayConcat(
            names, bases, arrayMap(x -> concat('@', x), domains),
            arrayFilter(x -> x != '', [lower(originHostName), lower(deliveryHostName), messageId])))),
        arrayMap(x -> if(position(x, ':') = 0,
            toUInt64(IPv4StringToNumOrDefault(x)),
            reinterpretAsUInt64(reverse(substring(IPv6StringToNumOrDefault(x), 1, 8)))), arrayDistinct(ips)))) AS key,
    toUInt32(intDiv(toUnixTimestamp(at), 60)) AS minute,
    toInt32(toDate(collectedAt)) - toInt32(toDate(at)) AS later
FROM {{database}}.traffic{{local}};

CREATE TABLE IF NOT EXISTS {{database}}.traffic_index_days{{local}}{{onCluster}}
(
    day   Date CODEC(ZSTD(1)),
    key   UInt64 CODEC(Delta(8), ZSTD(1)),
    -- Of the event's own time, in hours since 1970.
    hour  UInt32 CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:traffic_index_days}}
PARTITION BY day
ORDER BY (key, hour)
TTL toDateTime(day + 1) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    index_granularity = 1024,
    min_compress_block_size = 16384,
    ratio_of_defaults_for_sparse_serialization = 1,
    prewarm_mark_cache = 1,
    {{durability}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{database}}.traffic_index_days_fill{{local}}{{onCluster}}
TO {{database}}.traffic_index_days{{local}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT DISTINCT
    toDate(toDateTime(minute * 60, 'UTC')) + later AS day,
    key,
    toUInt32(intDiv(minute, 60)) AS hour
FROM {{database}}.traffic_index{{local}};

-- What the disclosure service asks: what is within the retention period, by the server's own clock. Days before
-- the first week that is there, and before the first that stays for two hours, are asked by the day. A part's week is taken from its
-- partition, which opens no file.
CREATE OR REPLACE VIEW {{database}}.traffic_index_retained{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT toDate(toDateTime(w.minute * 60, 'UTC')) + w.later AS day, w.key AS key, w.minute AS minute
FROM {{database}}.traffic_index{{local}} AS w
WHERE addMonths(w._partition_value.1 + 1, {{retentionMonths}}) > now64(3, 'UTC')
UNION ALL
SELECT day, key, toUInt32(hour * 60 + arrayJoin(range(60))) AS minute
FROM {{database}}.traffic_index_days{{local}}
WHERE day < greatest(
    (SELECT if(count() = 0, toDate('2149-01-01'), min(week)) FROM {{database}}.traffic_index{{local}}),
    arrayFirst(w -> addMonths(w + 1, {{retentionMonths}}) > now64(3, 'UTC') + toIntervalHour(2), arrayMap(
        n -> toMonday(toDate(subtractMonths(now64(3, 'UTC'), {{retentionMonths}}))) + 7 * n, range(-1, 4))))
  AND addMonths(day + 1, {{retentionMonths}}) > now64(3, 'UTC');

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic_index_retained{{onCluster}} AS {{database}}.traffic_index_retained_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_index_retained_local');
{{end}}
