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
    eventId                  FixedString(16) DEFAULT unhex(eventIdHex) CODEC(NONE),
    schemaVersion            UInt8,
    type                     LowCardinality(String),
    occurredAt               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    occurredAtNote           LowCardinality(String),
    collectedAt              DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    host                     LowCardinality(String),
    instance                 LowCardinality(String),
    software                 LowCardinality(String),
    service                  LowCardinality(String),
    protocol                 LowCardinality(String),
    sessionId                String CODEC(ZSTD(1)),
    queueId                  String CODEC(ZSTD(1)),
    relatedQueueId           String CODEC(ZSTD(1)),
    messageId                String CODEC(ZSTD(1)),
    messageIdHashed          Bool,
    sizeOctets               Nullable(UInt64) CODEC(T64, ZSTD(1)),
    recipientCount           Nullable(UInt64) CODEC(T64, ZSTD(1)),
    senderIp                 String CODEC(ZSTD(1)),
    senderPort               UInt16 CODEC(ZSTD(1)),
    senderAddress            String CODEC(ZSTD(1)),
    senderNull               Bool,
    senderUser               String CODEC(ZSTD(1)),
    originHostIp             String CODEC(ZSTD(1)),
    originHostName           String CODEC(ZSTD(1)),
    recipientAddress         String CODEC(ZSTD(1)),
    recipientOriginalAddress String CODEC(ZSTD(1)),
    recipientUser            String CODEC(ZSTD(1)),
    deliveryHostIp           String CODEC(ZSTD(1)),
    deliveryHostName         String CODEC(ZSTD(1)),
    deliveryHostPort         UInt16 CODEC(ZSTD(1)),
    clientIp                 String CODEC(ZSTD(1)),
    clientPort               UInt16 CODEC(ZSTD(1)),
    proxyIp                  String CODEC(ZSTD(1)),
    bytesSent                Nullable(UInt64) CODEC(T64, ZSTD(1)),
    bytesReceived            Nullable(UInt64) CODEC(T64, ZSTD(1)),
    outcome                  LowCardinality(String),
    dsn                      LowCardinality(String),
    replyCode                UInt16 CODEC(ZSTD(1)),
    tls                      Nullable(Bool),
    correlation              LowCardinality(String),
    sourceId                 LowCardinality(String),
    sourcePosition           String CODEC(ZSTD(1))
)
ENGINE = {{engine:traffic}}
PARTITION BY toDate(collectedAt)
ORDER BY (occurredAt, eventId)
TTL toDateTime(collectedAt) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    {{durability}};

-- Copies of one event meet on one shard, whichever batch they came in.
{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic{{onCluster}} AS {{database}}.traffic_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_local', sipHash64(eventId));
{{end}}
