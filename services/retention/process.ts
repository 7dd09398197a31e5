import { readFile } from 'node:fs/promises';
import { Condition, type Health, keepAsking, type ServiceDefinition, untilReady } from '#shared/runtime';
import {
  askStore,
  assertMigrated,
  createHeldTraffic,
  createPartitions,
  createServerDiskKeys,
  createSourceDays,
  openConfiguredServer,
  prepareServerDisk,
} from '#shared/store';
import { createApiRecord } from './api-record.ts';
import { type RetentionSettings, readRetentionSettings, retentionVariables } from './config.ts';
import { readCredential } from './credential.ts';
import { addRetentionMetrics } from './metrics.ts';
import { engineLogs, kafkaTopics } from './places.ts';
import { createRetention, type Retention } from './retention.ts';

const askEveryMs = 10_000;
/** Each look is a signed reading, and so an entry of the ledger: four an hour. */
const lookEveryMs = 900_000;

/** The retention service as a process of its own: over a ClickHouse server, and the disclosure API's ledger. */
export const retentionService: ServiceDefinition<RetentionSettings> = {
  name: 'retention',
  summary: 'removes what is past its time, and certifies in the ledger that it is gone.',
  variables: retentionVariables,
  read: readRetentionSettings,

  async start(settings, { clock, logger, health, metrics, stopping }) {
    const {
      clickhouse,
      tables,
      kafka,
      diskKeys: disk,
      retention: period,
      legalBasis,
      caFile,
      apiUrl,
      credentialFile,
    } = settings;
    const credential = await readCredential(credentialFile);
    const storeThere = new Condition();
    health.add('store', storeThere.check);
    // Before the store is waited for: a server without a key does not start.
    const serverDisk =
      disk === undefined ? undefined : await prepareServerDisk({ ...disk, now: clock.now() });
    const database = await openConfiguredServer(clickhouse);
    try {
      await untilReady(() => assertMigrated(database, period), {
        peer: 'store',
        condition: storeThere,
        stopping,
        logger,
        finalCodes: ['store.not_migrated', 'store.migrations_differ'],
      });
      const partitions = createPartitions(database, { database: clickhouse.database, topology: tables });
      const connection = {
        ...(caFile === undefined ? {} : { caCertificate: await readFile(caFile) }),
        ...(apiUrl === undefined ? {} : { connectTo: apiUrl.replace(/\/$/, '') }),
      };
      const retention = createRetention({
        partitions,
        held: createHeldTraffic(database, {
          database: clickhouse.database,
          topology: tables,
          retention: period,
        }),
        record: createApiRecord({ credential, clock, ...connection }),
        policy: { period, legalBasis },
        ...(disk === undefined || serverDisk === undefined
          ? {}
          : {
              diskKeys: {
                keys: createServerDiskKeys(serverDisk, {
                  reload: () => database.command('SYSTEM RELOAD CONFIG'),
                }),
                days: disk.days,
                disk: disk.disk,
              },
            }),
        sourceDays: createSourceDays(database),
        places: [engineLogs(partitions), ...(kafka === undefined ? [] : [kafkaTopics(kafka, logger)])],
        clock,
        monotonic: () => performance.now(),
        logger,
      });
      addRetentionMetrics(metrics, retention);
      addChecks(health, retention);
      retention.start(lookEveryMs);
      void keepAsking(storeThere, () => askStore(database), { everyMs: askEveryMs, signal: stopping });
      return {
        failed: new Promise(() => {}),
        async stop() {
          await retention.stop();
          await database.close();
        },
      };
    } catch (error) {
      await database.close();
      throw error;
    }
  },
};

function addChecks(health: Health, retention: Retention): void {
  health.add('expiry', () => {
    const { fault, clock, overdue, holds } = retention.status();
    const failing = holds.find((hold) => hold.fault !== null)?.fault ?? null;
    if (failing !== null) return { ok: false, code: failing };
    if (fault !== null) return { ok: false, code: fault };
    if (clock?.ok === false) return { ok: false, code: clock.code };
    return overdue.length === 0 ? { ok: true } : { ok: false, code: 'retention.overdue' };
  });
}
