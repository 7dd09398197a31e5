import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Act } from './model/acts.ts';
import { Beginnings, makeFixed } from './model/begin.ts';

/* Two replicas over one order. What one of them took back holds at the other for the very next request. */

type Taken = [name: string, act: (by: { signedAt: number }) => Act, code: string];
const order = 'order-0';
const taken: Taken[] = [
  ['a credential', (by) => ({ ...by, do: 'revoke', by: 'a0', whom: 'k4' }), 'proof.key_revoked'],
  ['a key that was replaced', (by) => ({ ...by, do: 'rotate', by: 'k4', whom: 'k9' }), 'proof.key_revoked'],
  ['an order that is suspended', (by) => ({ ...by, do: 'suspend', by: 'k0', order }), 'order.suspended'],
  ['an order that is withdrawn', (by) => ({ ...by, do: 'withdraw', by: 'k0', order }), 'order.cancelled'],
  [
    'an approval, by an amendment',
    ({ signedAt }) => {
      const until = signedAt + 86_400_000;
      return { do: 'amend', by: 'k0', signedAt, order, version: 1, until };
    },
    'order.not_approved',
  ],
];

describe('an amendment that comes to both replicas', () => {
  let beginnings: Beginnings;
  beforeAll(async () => {
    beginnings = new Beginnings(await makeFixed());
  });
  afterAll(() => beginnings.remove());

  it.each([
    ['the same', 'k0', 'proof.replayed'],
    ["another registrar's", 'k3', 'order.version'],
  ])('%s: the one that counts keeps its case file', async (_name, other, code) => {
    const { model, world } = await beginnings.begin({ replicas: 2 });
    try {
      const signedAt = model.law.clock;
      const amend = (by: string) =>
        ({ do: 'amend', by, signedAt, order, version: 1, until: signedAt + 86_400_000 }) as const;
      const signature = model.sent.length;
      world.fallBehind(0);
      expect((await world.perform(amend('k0'), signature, 1, true)).code).toBe('ok');
      const second = other === 'k0' ? signature : signature + 1;
      expect((await world.perform(amend(other), second, 0, false)).code).toBe(code);
      expect((await world.verify()).problems).toEqual([]);
    } finally {
      await world.remove();
    }
  });
});

describe('what is taken back at one replica is gone at the other at once', () => {
  let beginnings: Beginnings;
  beforeAll(async () => {
    beginnings = new Beginnings(await makeFixed());
  });
  afterAll(() => beginnings.remove());

  it.each(taken)('%s', async (_name, make, code) => {
    const { model, world } = await beginnings.begin({ replicas: 2 });
    try {
      const signedAt = model.law.clock;
      let signature = model.sent.length;
      const ask = (request: string, at: number, expected: boolean) =>
        world.perform(
          { do: 'request', by: 'k4', signedAt, request, wider: false, order, version: 1 },
          signature++,
          at,
          expected,
        );
      // Both serve it first; the other one, once it has read that the credential was confirmed.
      expect((await ask('before', 1, true)).code).toBe('ok');
      expect((await world.perform(make({ signedAt }), signature++, 0, true)).code).toBe('ok');
      const after = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(`after-${i}`, 1, false)));
      expect(after.map((answer) => answer.code)).toEqual(Array.from({ length: 8 }, () => code));
      const released = await world.released();
      expect(released.filter((name) => name !== 'before')).toEqual([]);
      expect((await world.verify()).problems).toEqual([]);
    } finally {
      await world.remove();
    }
  });
});
