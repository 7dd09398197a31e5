import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Scope } from '#shared/orders';
import { createTrafficStore, defaultRetention } from '#shared/store';
import { categoryIds } from '#shared/traffic';
import type { TestCluster } from './cluster.ts';
import { eventsOf, messageOf, numberOf } from './fault-log.ts';

export interface Findings {
  /** Rows of the table, with those that were inserted again. */
  readonly rows: number;
  /** Events that a reader sees. */
  readonly events: number;
}

const patienceMs = 150_000;

/** Waits until so many different events are in the table; says how far it came where they never are. */
export async function untilFound(cluster: TestCluster, events: number): Promise<void> {
  let found = -1;
  for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(500)) {
    // The engine may be away at this moment.
    const [row] = await cluster.rows('SELECT uniqExact(eventId) AS n FROM traffic').catch(() => []);
    found = Number(row?.n ?? found);
    if (found >= events) return;
  }
  throw new Error(`${found} of ${events} events were found`);
}

/**
 * Reads everything as a disclosure would, and holds it against the messages that were written: each
 * acceptance and each delivery once, and nothing beside them.
 */
export async function expectEachOnce(cluster: TestCluster, messages: readonly number[]): Promise<Findings> {
  const store = createTrafficStore(cluster.database, { retention: defaultRetention });
  const scope: Scope = {
    categories: categoryIds,
    targets: [
      { kind: 'domain', value: 'fault.example' },
      { kind: 'domain', value: 'example.org' },
    ],
    from: '2026-01-01T00:00:00.000Z',
    to: '2027-01-01T00:00:00.000Z',
    collectedUpTo: '2100-01-01T00:00:00.000Z',
  };
  const accepted = new Set<number>();
  const delivered = new Set<string>();
  let events = 0;
  for await (const group of store.readScope(scope, { now: Date.now() })) {
    for (const event of group) {
      events += 1;
      if (event.type === 'message.accepted') accepted.add(numberOf(event.queueId ?? ''));
      else delivered.add(`${event.queueId} ${event.recipientAddress}`);
    }
  }
  const missing: string[] = [];
  for (const n of messages) {
    const { queueId, recipients } = messageOf(n);
    if (!accepted.has(n)) missing.push(queueId);
    for (const to of recipients) if (!delivered.has(`${queueId} ${to}`)) missing.push(`${queueId} ${to}`);
  }
  expect(missing.slice(0, 20)).toEqual([]);
  expect(accepted.size).toBe(messages.length);
  // As many as there must be, each of them found: none came twice, and none beside them.
  expect(events).toBe(eventsOf(messages));
  const [row] = await cluster.rows('SELECT count() AS n FROM traffic');
  return { rows: Number(row?.n), events };
}
