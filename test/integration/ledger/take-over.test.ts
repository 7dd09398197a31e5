import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMemoryOrder } from '#shared/ledger-storage';
import type { TrafficStore } from '#shared/store';
import { entriesOf, type Replica, Replicas, untilLevel } from '../../support/replicas.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('a disclosure whose replica does not finish it', () => {
  const order = createMemoryOrder();
  const replicas = new Replicas(async () => order);
  let a: Replica;
  let b: Replica;

  beforeAll(async () => {
    // Only what comes round by itself is in the test's hands; everything else takes its time.
    vi.useFakeTimers({ toFake: ['setInterval'] });
    await replicas.make();
    const stuck: TrafficStore = {
      ...replicas.store,
      dataWindow: () => new Promise(() => {}),
    };
    [a, b] = [await replicas.start('a', stuck), await replicas.start('b')];
  });
  afterAll(async () => {
    vi.useRealTimers();
    await b?.stop();
    await a?.ledger.close();
    await replicas.remove();
  });

  it('is finished by another one after some minutes, and not before', async () => {
    const registrar = await replicas.enrol(a, 'registrar');
    const reviewer = await replicas.enrol(a, 'reviewer');
    const officer = await replicas.enrol(a, 'officer');
    const orderId = await replicas.record(a, registrar);
    await a.call(reviewer, 'POST', `/v1/orders/${orderId}/approval`);
    const { body } = await a.call(officer, 'POST', '/v1/disclosures', { orderId });
    await untilLevel(a, b);
    const isReady = async (): Promise<boolean> =>
      (await b.call(officer, 'GET', `/v1/disclosures/${body.disclosureId}`)).body.ready;

    vi.advanceTimersByTime(61_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await isReady()).toBe(false);

    replicas.clock.advance(6 * 60_000);
    vi.advanceTimersByTime(61_000);
    for (let tries = 0; !(await isReady()); tries++) {
      if (tries > 200) throw new Error('nobody took it over');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const told = (await entriesOf(b)).filter(({ subject }) => subject === body.disclosureId);
    expect(told.map(({ kind }) => kind)).toEqual(['disclosure.requested', 'disclosure.released']);
  });
});
