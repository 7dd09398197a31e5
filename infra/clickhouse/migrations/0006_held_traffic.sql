-- Records that an order keeps past their time: copies, apart from the traffic, one partition for each order, so
-- that what one order held goes as a whole (shared/store/held.ts). Columns are those of the view
-- `traffic_retained`, that is an event's fields under their own names, and the order.
CREATE TABLE IF NOT EXISTS {{database}}.held_traffic{{local}}{{onCluster}}
(
    orderId                  UUID CODEC(ZSTD(1)),
    eventId                  FixedString(16) CODEC(ZSTD(1)),
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
    sessionId                String CODEC(ZSTD(1)),
    queueId                  String CODEC(ZSTD(1)),
    relatedQueueId           String CODEC(ZSTD(1)),
    messageId                String CODEC(ZSTD(1)),
    messageIdHashed          Bool CODEC(ZSTD(1)),
    sizeOctets               Nullable(UInt64) CODEC(T64, ZSTD(1)),
    recipientCount           Nullable(UInt64) CODEC(T64, ZSTD(1)),
    senderIp                 String CODEC(ZSTD(1)),
    senderPort               UInt16 CODEC(ZSTD(1)),
    senderAddress            String CODEC(ZSTD(1)),
    senderNull               Bool CODEC(ZSTD(1)),
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
    outcome                  LowCardinality(String) CODEC(ZSTD(1)),
    dsn                      LowCardinality(String) CODEC(ZSTD(1)),
    replyCode                UInt16 CODEC(ZSTD(1)),
    tls                      Nullable(Bool) CODEC(ZSTD(1)),
    correlation              LowCardinality(String) CODEC(ZSTD(1)),
    sourceId                 LowCardinality(String) CODEC(ZSTD(1)),
    sourcePosition           String CODEC(ZSTD(1))
)
ENGINE = {{engine:held_traffic}}
PARTITION BY orderId
ORDER BY (occurredAt, eventId)
SETTINGS
    index_granularity = 2048,
    {{durability}};

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.held_traffic{{onCluster}} AS {{database}}.held_traffic_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'held_traffic_local', sipHash64(sourceId, sourcePosition));
{{end}}
-- Since when each order holds, and until when, as the ledger has it; the last row of an order counts. Every
-- host of a cluster has all of it.
CREATE TABLE IF NOT EXISTS {{database}}.holds{{onCluster}}
(
    orderId   UUID,
    since     DateTime64(3, 'UTC'),
    until     DateTime64(3, 'UTC'),
    changedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {{engine:holds}}
ORDER BY (orderId, changedAt)
SETTINGS {{durability}};

-- What an order may still hold: nothing of a hold whose end has passed by the server's own clock, also while it
-- is still there. Every query has the bound of its caller's clock besides (shared/store/query.ts).
CREATE OR REPLACE VIEW {{database}}.held_traffic_readable{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT * FROM {{database}}.held_traffic{{local}}
WHERE orderId IN (
    SELECT orderId FROM {{database}}.holds GROUP BY orderId HAVING argMax(until, changedAt) >= now64(3, 'UTC'));

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.held_traffic_readable{{onCluster}} AS {{database}}.held_traffic_readable_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'held_traffic_readable_local');
{{end}}
-- What can be copied into a hold: what is retained, and what expired after the oldest hold in force had begun and
-- is not removed yet. Only the retention service reads it, and only to copy; each copy has its own hold's bound
-- besides.
CREATE OR REPLACE VIEW {{database}}.traffic_holdable{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS WITH (
    SELECT least(now64(3, 'UTC'), coalesce(minOrNull(began), now64(3, 'UTC'))) FROM (
        SELECT argMax(since, changedAt) AS began FROM {{database}}.holds
        GROUP BY orderId HAVING argMax(until, changedAt) >= now64(3, 'UTC'))) AS began
SELECT * EXCEPT (eventIdOrdinal, eventIdApart, originHostIsSender, originHostIpApart),
    eventId, if(originHostIsSender, senderIp, originHostIpApart) AS originHostIp
FROM {{database}}.traffic{{local}}
WHERE addMonths(collectedAt, {{retentionMonths}}) > began;

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic_holdable{{onCluster}} AS {{database}}.traffic_holdable_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_holdable_local');
{{end}}
