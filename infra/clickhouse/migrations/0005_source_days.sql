-- What collectors counted of each source and day of collection: counts and names of sources, nothing of a
-- record. A row is the counts so far, so that of one source, day and checkpoint the largest hold, and rows
-- that come twice change nothing. Held against what is stored (services/retention/reconciliation.ts).
CREATE TABLE IF NOT EXISTS {{database}}.source_days{{local}}{{onCluster}}
(
    sourceId      LowCardinality(String),
    day           Date,
    -- Of the checkpoint that counts: a source that is read anew from its beginning counts anew.
    checkpoint    FixedString(16),
    lines         UInt64,
    repeated      UInt64,
    ignored       UInt64,
    notUnderstood UInt64,
    understood    UInt64,
    events        UInt64,
    invalid       UInt64,
    gaps          UInt64,
    -- Where reading went on after a kill on another day: that day.
    resumedFrom   Nullable(Date)
)
ENGINE = {{engine:source_days}}
PARTITION BY toYYYYMM(day)
ORDER BY (day, sourceId, checkpoint)
TTL toDateTime(day) + toIntervalMonth(36)
SETTINGS
    ttl_only_drop_parts = 1,
    {{durability}};

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.source_days{{onCluster}} AS {{database}}.source_days_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'source_days_local', sipHash64(sourceId));
{{end}}
-- Of which source, day and event a rejected record was, where it says so: without the record itself, for
-- who counts and may read none.
CREATE OR REPLACE VIEW {{database}}.rejected_origins{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT
    JSONExtractString(value, 'sourceId') AS sourceId,
    substring(JSONExtractString(value, 'collectedAt'), 1, 10) AS day,
    JSONExtractString(value, 'eventId') AS eventIdHex
FROM {{database}}.rejected{{local}};

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.rejected_origins{{onCluster}} AS {{database}}.rejected_origins_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'rejected_origins_local');
{{end}}
