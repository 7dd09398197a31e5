import { expect } from 'vitest';
import type { OrderDraft } from '#shared/orders';
import type { HeldAmount } from '#shared/store';
import type { TrafficEvent } from '#shared/traffic';
import { releasedRecords } from '../../support/released-records.ts';
import type { Person } from '../../support/test-service.ts';
import { aliceScope } from '../store/helpers.ts';
import type { RetentionWorld } from './support.ts';

const dayMs = 86_400_000;
/** For which an order to preserve keeps, where nobody extends it (Regulation (EU) 2023/1543, Article 6). */
export const preservedDays = 60;

/** An order to preserve, and what becomes of what it keeps as the days go by. */
export interface Preserved {
  /** Records it, by the clock. @param occurredBefore what happened before is to be kept, RFC 3339 UTC */
  place(occurredBefore: string): Promise<void>;
  /** Records and approves an order to produce that refers to it. */
  refer(): Promise<void>;
  /** What it keeps can be read under the order that refers to it, and not without. @param events all that were stored */
  expectKept(events: readonly TrafficEvent[]): Promise<void>;
  /** At its last instant it is whole, and a moment after it is nothing to anybody. Moves the clock there. */
  expectEnd(events: readonly TrafficEvent[]): Promise<void>;
  /** Within a day of its end it is gone, and the certificate says what the system tables had of it. */
  expectGone(): Promise<void>;
}

export function preservedIn(world: RetentionWorld): Preserved {
  const { service: t } = world;
  const { clock } = t;
  const now = (): string => new Date(clock.now()).toISOString();
  let officer: Person;
  let [preserving, producing, occurredBefore] = ['', '', ''];
  let end = 0;
  /** What the system tables had of it at its end. */
  let lastHeld: HeldAmount | undefined;

  const draft = (change: Partial<OrderDraft>): OrderDraft =>
    t.orderDraft({
      scope: { ...t.orderDraft().scope, from: aliceScope.from, to: occurredBefore },
      issuedAt: now(),
      receivedAt: now(),
      validUntil: new Date(clock.now() + 365 * dayMs).toISOString(),
      ...change,
    });
  const released = async (): Promise<unknown[]> =>
    (await releasedRecords(t, officer, { orderId: producing })).map(({ messageId }) => messageId).sort();
  const keptOf = (events: readonly TrafficEvent[]): unknown[] =>
    events.filter(({ occurredAt }) => occurredAt < occurredBefore).map(({ messageId }) => messageId);
  const held = async () => (await world.held.list()).filter(({ orderId }) => orderId === preserving);

  async function expectKept(events: readonly TrafficEvent[]): Promise<void> {
    const kept = keptOf(events).sort();
    expect(kept.length).toBeGreaterThan(10);
    expect(await released()).toEqual(kept);
    const scope = { ...aliceScope, to: occurredBefore };
    expect(await t.store.countScope(scope, { now: clock.now() })).toEqual({});
  }

  return {
    expectKept,

    async place(before) {
      officer = await t.enrol('officer');
      occurredBefore = before;
      end = clock.now() + preservedDays * dayMs;
      preserving = await t.record(
        await t.enrol('registrar'),
        draft({ regime: 'EU_EPOC_PR', type: 'preserve', legalBasis: 'Article 6' }),
      );
    },

    async refer() {
      producing = await t.approvedOrder(draft({ preservedUnder: preserving }));
    },

    async expectEnd(events) {
      clock.set(new Date(end).toISOString());
      await expectKept(events);
      clock.set(new Date(end + 1).toISOString());
      expect(await released()).toEqual([]);
      // It is there still, and goes when the service looks next.
      const [amount] = await held();
      expect(amount?.records).toBe(keptOf(events).length);
      lastHeld = amount;
    },

    async expectGone() {
      expect(clock.now() - end).toBeLessThan(dayMs);
      const entries: { kind: string; at: string; details: object }[] = [];
      for await (const { entry } of t.ledger.entries()) {
        if (entry.subject === preserving && entry.kind.startsWith('hold.')) entries.push(entry);
      }
      const [ended, deleted] = entries.slice(-2);
      const { records, bytes } = lastHeld ?? {};
      expect(ended).toMatchObject({ kind: 'hold.ended', details: { reason: 'period_over', records, bytes } });
      expect(deleted).toMatchObject({ kind: 'hold.deleted', details: { bytes } });
      for (const entry of [ended, deleted]) {
        const late = Date.parse(entry?.at ?? '') - end;
        expect(late).toBeGreaterThan(0);
        expect(late).toBeLessThan(dayMs);
      }
      expect(await held()).toEqual([]);
    },
  };
}
