import { join } from 'node:path';
import { createRetention, type Place, type Retention } from '#services/retention';
import { silentLogger } from '#shared/runtime';
import {
  createHeldTraffic,
  createPartitions,
  type Database,
  type DayHeld,
  dayOf,
  type HeldTraffic,
  openEmbeddedDatabase,
  type Partitions,
  type RetentionPeriod,
  type SourceDays,
} from '#shared/store';
import { startTestService, type TestService } from '../../support/test-service.ts';

export interface RetentionWorld {
  readonly service: TestService;
  readonly database: Database;
  /** Of the real engine, with the test's clock for its own. */
  readonly partitions: Partitions;
  readonly held: HeldTraffic;
  /** What the test's clock was moved by beyond the time that passed, milliseconds. */
  skewMs: number;
  /** A new retention service over the same ledger and engine, as after a restart. */
  retention(change?: {
    readonly period?: RetentionPeriod;
    readonly places?: readonly Place[];
    readonly partitions?: Partial<Partitions>;
    readonly sourceDays?: SourceDays;
    readonly held?: Partial<HeldTraffic>;
  }): Retention;
  days(): Promise<DayHeld[]>;
  /** Entries about expiry, in their order. */
  entries(): Promise<{ kind: string; details: Record<string, unknown> }[]>;
  stop(): Promise<void>;
}

/** First day of the week of an instant or a day: the index of identifiers goes by the week. */
export function mondayOf(rfc3339: string): string {
  const at = Date.parse(rfc3339);
  return dayOf(at - ((new Date(at).getUTCDay() + 6) % 7) * 86_400_000);
}

/** The disclosure service with its ledger and the real engine, and a retention service beside it. */
export async function openRetentionWorld(): Promise<RetentionWorld> {
  const service = await startTestService();
  const database = await openEmbeddedDatabase({ folder: join(service.folder, 'engine') });
  const { clock } = service;
  const partitions: Partitions = {
    ...createPartitions(database, { database: 'default' }),
    engineTime: async () => clock.now(),
  };
  const heldTraffic = createHeldTraffic(database, { database: 'default', retention: { months: 6 } });
  const world: RetentionWorld = {
    service,
    database,
    partitions,
    skewMs: 0,
    held: heldTraffic,
    retention: ({
      period = { months: 6 },
      places = [],
      partitions: change = {},
      held: heldChange = {},
      sourceDays,
    } = {}) =>
      createRetention({
        partitions: { ...partitions, ...change },
        held: { ...heldTraffic, ...heldChange },
        record: service.service.retentionRecord,
        policy: { period, legalBasis: 'policy of the test' },
        places,
        ...(sourceDays === undefined ? {} : { sourceDays }),
        clock,
        monotonic: () => clock.now() - world.skewMs,
        logger: silentLogger,
      }),
    days: () => partitions.list(),
    entries: async () => (await service.entries()).filter(({ kind }) => kind.startsWith('retention.')),
    async stop() {
      await database.close();
      await service.stop();
    },
  };
  return world;
}
