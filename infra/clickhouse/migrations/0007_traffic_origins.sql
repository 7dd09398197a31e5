-- Of which source, day and event a row is, as long as it is there, also after its time: for the last count of a
-- day, just before it goes. Nothing else of a row, and only for who counts.
CREATE OR REPLACE VIEW {{database}}.traffic_origins{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT sourceId, toDate(collectedAt) AS day, eventId
FROM {{database}}.traffic{{local}};

{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic_origins{{onCluster}} AS {{database}}.traffic_origins_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_origins_local');
{{end}}
