-- Traffic events, one column per field of shared/traffic's TrafficEvent, under the same name.
--
-- Every statement must be repeatable: a crash between a statement and its record runs it again.
-- What stands in double braces is filled in from configuration (shared/store/migrations-topology.ts): one
-- set of migrations serves a single server, one replicated shard, and several shards.
--
-- Absent text is '' (the schema allows no empty text), an absent port or reply code 0 (neither can be 0),
-- an absent count or flag that may be 0 or false is NULL.
-- Addresses of hosts are text: what was stored comes back byte for byte, and equality is equality of the
-- normal form, as in shared/orders.
CREATE TABLE IF NOT EXISTS {{database}}.traffic{{local}}{{onCluster}}
(
    eventIdHex               String EPHEMERAL,
    -- 16 bytes that no codec makes smaller, and that follow from where the event stood (shared/traffic/event-id.ts):
    -- its ordinal is kept, and the id itself where it does not follow.
    eventIdOrdinal           UInt8 DEFAULT multiIf(
        unhex(eventIdHex) = substring(SHA256(concat('["griffie-event/v1","', sourceId, '","', sourcePosition, '",0]')), 1, 16), 0,
        unhex(eventIdHex) = substring(SHA256(concat('["griffie-event/v1","', sourceId, '","', sourcePosition, '",1]')), 1, 16), 1,
        unhex(eventIdHex) = substring(SHA256(concat('["griffie-event/v1","', sourceId, '","', sourcePosition, '",2]')), 1, 16), 2, 255) CODEC(ZSTD(1)),
    eventIdApart             String DEFAULT if(eventIdOrdinal = 255, unhex(eventIdHex), '') CODEC(ZSTD(1)),
    eventId                  FixedString(16) ALIAS toFixedString(if(eventIdOrdinal = 255, eventIdApart,
        substring(SHA256(concat('["griffie-event/v1","', sourceId, '","', sourcePosition, '",', toString(eventIdOrdinal), ']')), 1, 16)), 16),
    schemaVersion            UInt8 CODEC(ZSTD(1)),
    type                     LowCardinality(String) CODEC(ZSTD(1)),
    occurredAt               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    occurredAtNote           LowCardinality(String) CODEC(ZSTD(1)),
    collectedAt              DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    host                     LowCardinality(String) CODEC(ZSTD(1)),
    instance                 LowCardinality(String) CODEC(ZSTD(1)),
    software                 LowCardinality(String) CODEC(ZSTD(1)),
    service                  LowCardinality(String) CODEC(ZSTD(1)),
    protocol                 LowCardinality(String) CODEC(ZSTD(1)),
    sessionId                String CODEC(ZSTD(6)),
    queueId                  String CODEC(ZSTD(1)),
    relatedQueueId           String CODEC(ZSTD(1)),
    messageId                String CODEC(ZSTD(6)),
    messageIdHashed          Bool CODEC(ZSTD(1)),
    sizeOctets               Nullable(UInt64) CODEC(T64, ZSTD(1)),
    recipientCount           Nullable(UInt64) CODEC(T64, ZSTD(1)),
    senderIp                 String CODEC(ZSTD(1)),
    senderPort               UInt16 CODEC(ZSTD(1)),
    senderAddress            String CODEC(ZSTD(6)),
    senderNull               Bool CODEC(ZSTD(1)),
    senderUser               String CODEC(ZSTD(1)),
    -- Nearly always the sender's own address: kept apart where it is another.
    originHostIp             String EPHEMERAL,
    originHostIsSender       Bool DEFAULT originHostIp != '' AND originHostIp = senderIp CODEC(ZSTD(1)),
    originHostIpApart        String DEFAULT if(originHostIsSender, '', originHostIp) CODEC(ZSTD(1)),
    originHostName           String CODEC(ZSTD(6)),
    recipientAddress         String CODEC(ZSTD(6)),
    recipientOriginalAddress String CODEC(ZSTD(1)),
    recipientUser            String CODEC(ZSTD(6)),
    deliveryHostIp           String CODEC(ZSTD(1)),
    deliveryHostName         String CODEC(ZSTD(1)),
    deliveryHostPort         UInt16 CODEC(ZSTD(1)),
    clientIp                 String CODEC(ZSTD(1)),
    clientPort               UInt16 CODEC(ZSTD(1)),
    proxyIp                  String CODEC(ZSTD(1)),
    bytesSent                Nullable(UInt64) CODEC(T64, ZSTD(1)),
    bytesReceived            Nullable(UInt64) CODEC(T64, ZSTD(1)),
    outcome                  LowCardinality(String) CODEC(ZSTD(1)),
    dsn                      LowCardinality(String) CODEC(ZSTD(1)),
    replyCode                UInt16 CODEC(ZSTD(1)),
    tls                      Nullable(Bool) CODEC(ZSTD(1)),
    correlation              LowCardinality(String) CODEC(ZSTD(1)),
    sourceId                 LowCardinality(String) CODEC(ZSTD(1)),
    sourcePosition           String CODEC(ZSTD(6))
)
ENGINE = {{engine:traffic}}
PARTITION BY toDate(collectedAt)
ORDER BY (occurredAt, sourceId, sourcePosition)
TTL toDateTime(collectedAt) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    -- A lookup by identifier reads a granule of each column (0004_traffic_index.sql): small ones, in small blocks.
    index_granularity = 1024,
    min_compress_block_size = 16384,
    -- Else a column that is mostly empty is two files, and a lookup opens each.
    ratio_of_defaults_for_sparse_serialization = 1,
    -- Where the granules are is known before the first lookup asks: 5 ms of it for each hit.
    prewarm_mark_cache = 1,
    {{durability}};

-- Copies of one event meet on one shard, whichever batch they came in.
{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic{{onCluster}} AS {{database}}.traffic_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_local', sipHash64(sourceId, sourcePosition));
{{end}}
