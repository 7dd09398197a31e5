import { expect } from 'vitest';
import {
  clusterBatchBounds,
  createIngester,
  type Ingester,
  type IngesterDependencies,
} from '#services/ingester';
import { createKafkaBus, type KafkaBus, type KafkaConfig } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import { aliceScope, delivery, type OpenStore, readAll, rowsOf } from '../store/helpers.ts';

/** The ingesters' clock: an hour after `delivery`'s events were collected. */
export const now = Date.parse(delivery(0).collectedAt) + 3_600_000;

export const json = (ordinal: number): string => JSON.stringify(delivery(ordinal));

export interface Ingesting {
  readonly bus: KafkaBus;
  readonly ingester: Ingester;
}

/** Waits for what Kafka brings about in its own time; two minutes, because machines are slow. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('did not come about within two minutes');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function startIngesting(
  config: KafkaConfig,
  store: TrafficStore,
  changes: Partial<IngesterDependencies> = {},
): Promise<Ingesting> {
  const bus = await createKafkaBus(config, { logger: silentLogger });
  const ingester = createIngester({
    bus,
    store,
    clock: { now: () => now },
    logger: silentLogger,
    bounds: { ...clusterBatchBounds, maxWaitMs: 20 },
    ...changes,
  });
  await ingester.start();
  return { bus, ingester };
}

/** That readers find exactly these events, each once. */
export async function expectFound(open: OpenStore, ordinals: readonly number[]): Promise<void> {
  const stored = (await readAll(open.store, aliceScope, now)).map(({ eventId }) => eventId);
  expect(stored.sort()).toEqual(ordinals.map((ordinal) => delivery(ordinal).eventId).sort());
}

export interface RejectedRow {
  readonly reason: string;
  readonly coordinates: string;
  readonly valueBytes: number;
}

export async function rejectedRows(open: OpenStore): Promise<RejectedRow[]> {
  const rows = await rowsOf(
    open.database,
    'SELECT DISTINCT reason, coordinates, toUInt32(valueBytes) AS valueBytes FROM rejected',
  );
  return rows as unknown as RejectedRow[];
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
