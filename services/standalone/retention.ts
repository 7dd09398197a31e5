import {
  createRetention,
  engineLogs,
  kafkaTopics,
  oldFiles,
  type Place,
  place,
  type Retention,
  temporaryFiles,
} from '#services/retention';
import type { RetentionRecord } from '#shared/retention';
import type { Clock, Logger } from '#shared/runtime';
import {
  createHeldTraffic,
  createPartitions,
  createSourceDays,
  type Database,
  type DiskKeys,
} from '#shared/store';
import type { StandaloneConfig } from './config.ts';

const dayMs = 86_400_000;
/** How often it is looked: what is past its time goes within a minute of it. */
const everyMs = 60_000;

/** Expiry over the embedded store, with every place of this process where data lie. */
export function startRetention(
  config: StandaloneConfig,
  deps: {
    readonly database: Database;
    readonly diskKeys: DiskKeys;
    readonly record: RetentionRecord;
    readonly packagesLeft: () => number;
    readonly folder: string;
    readonly collectorFolder: string;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): Retention {
  const { retentionPeriod: period, legalBasis, kafka } = config;
  const { database, diskKeys, record, packagesLeft, folder, collectorFolder, clock, logger } = deps;
  const partitions = createPartitions(database, { database: embeddedDatabase });
  const olderThanMs = period.months * 31 * dayMs;
  const isSpool = (name: string): boolean => name.split('/').includes('spool');
  const places: Place[] = [
    engineLogs(partitions),
    temporaryFiles(folder),
    oldFiles('collector_spool', collectorFolder, { olderThanMs, matches: isSpool }),
    oldFiles('collector_state', collectorFolder, {
      olderThanMs,
      matches: (name) => !isSpool(name) && /\.(log|snapshot)$/.test(name),
    }),
    place('packages', async () => {
      const items = packagesLeft();
      return items === 0 ? null : { items };
    }),
    ...(kafka === undefined ? [] : [kafkaTopics(kafka, logger)]),
  ];
  const retention = createRetention({
    partitions,
    held: createHeldTraffic(database, { database: embeddedDatabase, retention: period }),
    record,
    policy: { period, legalBasis },
    diskKeys: { keys: diskKeys, days: config.diskKeys.days },
    sourceDays: createSourceDays(database),
    places,
    clock,
    monotonic: () => performance.now(),
    logger,
  });
  retention.start(everyMs);
  return retention;
}

/** The embedded engine's one database. */
const embeddedDatabase = 'default';
