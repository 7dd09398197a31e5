-- Records of the bus that are no events, for operators to find and to mend; as short-lived as the traffic.
-- `value` is the record's first bytes, `valueBytes` its whole length, `valueSha256` the hash of all of it.
CREATE TABLE IF NOT EXISTS {{database}}.rejected{{local}}{{onCluster}}
(
    coordinates String CODEC(ZSTD(1)),
    reason      LowCardinality(String),
    rejectedAt  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    valueBase64 String EPHEMERAL,
    value       String DEFAULT base64Decode(valueBase64) CODEC(ZSTD(1)),
    valueBytes  UInt64,
    valueSha256 String CODEC(ZSTD(1))
)
ENGINE = {{engine:rejected}}
PARTITION BY toDate(rejectedAt)
ORDER BY (rejectedAt, coordinates)
TTL toDateTime(rejectedAt) + toIntervalMonth({{retentionMonths}})
SETTINGS
    ttl_only_drop_parts = 1,
    {{durability}};

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.rejected{{onCluster}} AS {{database}}.rejected_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'rejected_local', sipHash64(coordinates));
{{end}}
