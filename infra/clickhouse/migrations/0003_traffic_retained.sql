-- The only thing that disclosure reads: traffic within the retention period, by the server's own clock. It
-- reads with the rights of its definer, so that who may read it needs none on the table beneath. Every query
-- has the bound of its caller's clock besides (shared/store/query.ts).
--
-- The first condition lets the engine leave out whole days; the second is the rule (shared/store/retention.ts).
-- It shows the columns of an event under its fields' names, however they are kept. A migration that adds a
-- column to traffic must make it again: `*` is fixed when it is made.
CREATE OR REPLACE VIEW {{database}}.traffic_retained{{local}}{{onCluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER
AS SELECT * EXCEPT (eventIdOrdinal, eventIdApart, originHostIsSender, originHostIpApart),
    eventId, if(originHostIsSender, senderIp, originHostIpApart) AS originHostIp
FROM {{database}}.traffic{{local}}
WHERE collectedAt > subtractMonths(now64(3, 'UTC'), {{retentionMonths}})
  AND addMonths(collectedAt, {{retentionMonths}}) > now64(3, 'UTC');

-- Over the shards' views, not a view over the shards' tables: each shard holds to its own bound.
{{sharded}}
CREATE TABLE IF NOT EXISTS {{database}}.traffic_retained{{onCluster}} AS {{database}}.traffic_retained_local
ENGINE = Distributed('{{cluster}}', '{{database}}', 'traffic_retained_local');
{{end}}
