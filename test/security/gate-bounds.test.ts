import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger, createNoteSigner, generateNoteKey } from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { StoreError } from '#shared/store';
import { openControlPlane } from '../../services/disclosure/control/control-plane.ts';
import { RefusalMemory } from '../../services/disclosure/control/repeats.ts';
import { listed } from '../../services/disclosure/routes/schemas.ts';
import { createFillableStorage } from '../support/full-storage.ts';
import { createTestClock } from '../support/test-clock.ts';
import { type Person, startTestService, type TestService, testStart } from '../support/test-service.ts';

describe('an entry that no start could read is never written', () => {
  it('the step fails, the ledger is as it was, and the next step works', async () => {
    const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    const clock = createTestClock(testStart);
    const control = await openControlPlane(ledger, clock);
    const noise = (code: string) =>
      control.transact((_state, at) => ({
        entries: [
          {
            kind: 'access.noise',
            at,
            actor: { service: 'disclosure' },
            details: { from: at, to: at, counts: [{ code, count: 1 }] },
          },
        ],
        result: undefined,
      }));
    await expect(noise('No code at all')).rejects.toMatchObject({ code: 'control.impossible_entry' });
    expect(ledger.checkpoint().size).toBe(0);
    await noise('proof.missing');
    expect(control.state.size).toBe(1);
    await ledger.close();
    // What was written is read again from the beginning.
    expect((await openControlPlane(ledger, clock)).state.size).toBe(1);
  });
});

describe('a slow or absent store takes nothing else with it', () => {
  let t: TestService;
  let reviewer: Person;
  let orderId: string;
  beforeAll(async () => {
    t = await startTestService();
    reviewer = await t.enrol('reviewer');
    orderId = await t.record(await t.enrol('registrar'));
  });
  afterAll(() => t.stop());

  it('while an estimate is counted, others act', async () => {
    const { countScope } = t.store;
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let began = false;
    Object.assign(t.store, {
      countScope: async (...given: Parameters<typeof countScope>) => {
        began = true;
        await gate;
        return countScope(...given);
      },
    });
    const estimate = reviewer.call('GET', `/v1/orders/${orderId}/estimate`);
    while (!began) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await reviewer.call('GET', '/v1/orders')).status).toBe(200);
    finish();
    expect((await estimate).status).toBe(200);
    Object.assign(t.store, { countScope });
  });

  it('an absent store is a 503 of its own, and nothing of the fault is told', async () => {
    const { countScope } = t.store;
    Object.assign(t.store, {
      countScope: async () => {
        throw new StoreError('store.unavailable', 'planted alice@example.nl', 'ECONNREFUSED');
      },
    });
    const answer = await reviewer.call('GET', `/v1/orders/${orderId}/estimate`);
    expect(answer).toMatchObject({ status: 503, body: { code: 'store.unavailable' } });
    expect(answer.bytes.toString()).not.toContain('alice');
    Object.assign(t.store, { countScope });
  });
});

describe('what is bounded says so', () => {
  it('a list that is not the whole one', () => {
    const items = Array.from({ length: 1001 }, (_, i) => i);
    expect(listed(items.slice(1))).toEqual({ items: items.slice(1), truncated: false });
    expect(listed(items)).toEqual({ items: items.slice(0, 1000), truncated: true });
  });

  it('refusals of one proof: the first eight are entries, whatever its signature is spelt like', () => {
    const memory = new RefusalMemory(createTestClock(testStart));
    const worth = Array.from({ length: 12 }, (_, i) =>
      memory.isWorthAnEntry(`head.claims.signature${i}`, 'key'),
    );
    expect(worth.filter(Boolean)).toHaveLength(8);
    expect(memory.isWorthAnEntry('head.other.signature', 'key')).toBe(true);
  });
});

describe('a stolen key that was revoked', () => {
  it('fills nothing: sixty refusals a minute are entries, the others are counted', async () => {
    const t = await startTestService();
    const thief = await t.enrol('officer');
    const path = `/v1/credentials/${thief.key.kid}/revocation`;
    await t.administrator.call('POST', path, { body: { reason: 'compromised' } });
    const before = t.ledger.checkpoint().size;
    for (let i = 0; i < 100; i++) {
      expect((await thief.call('GET', '/v1/orders')).body.code).toBe('proof.key_revoked');
    }
    expect(t.ledger.checkpoint().size - before).toBe(60);
    t.clock.advance(60_000);
    await thief.call('GET', '/v1/orders');
    expect(t.ledger.checkpoint().size - before).toBe(61);
    await t.service.close();
    expect((await t.entries()).at(-1)).toMatchObject({
      kind: 'access.noise',
      details: { counts: [{ code: 'proof.key_revoked', count: 40 }] },
    });
    await t.stop();
  });
});

describe('counts of a minute in which the ledger was away', () => {
  it('are in the next entry, with their beginning', async () => {
    const disk = createFillableStorage();
    const t = await startTestService({ storage: disk.storage });
    await t.anonymous('GET', '/v1/orders');
    disk.fill();
    await t.service.close();
    disk.empty();
    t.clock.advance(60_000);
    await t.service.close();
    const last = (await t.entries()).at(-1);
    expect(last).toMatchObject({
      kind: 'access.noise',
      details: { from: testStart, counts: [{ code: 'proof.missing', count: 1 }] },
    });
    await t.stop();
  });
});
