import { expect, it } from 'vitest';
import { createNonces } from '../../../services/disclosure/passkeys/nonces.ts';
import { createTestClock } from '../../support/test-clock.ts';

const start = '2096-11-20T09:00:00.000Z';

it('a nonce is new each time, and fresh for two minutes', () => {
  const clock = createTestClock(start);
  const nonces = createNonces(clock);
  const all = Array.from({ length: 1000 }, () => nonces.make());
  expect(new Set(all).size).toBe(1000);
  const [one = ''] = all;
  expect(one).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
  clock.advance(120_000);
  expect(nonces.isFresh(one)).toBe(true);
  clock.advance(1);
  expect(nonces.isFresh(one)).toBe(false);
});

it('a nonce is of one process, and no other', () => {
  const clock = createTestClock(start);
  expect(createNonces(clock).isFresh(createNonces(clock).make())).toBe(false);
});

it('no bit of it can be changed', () => {
  const clock = createTestClock(start);
  const nonces = createNonces(clock);
  const bytes = Buffer.from(nonces.make(), 'base64url');
  for (let i = 0; i < bytes.length * 8; i++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(i >> 3) ^ (1 << (i & 7)), i >> 3);
    expect(nonces.isFresh(changed.toString('base64url')), String(i)).toBe(false);
  }
  expect(nonces.isFresh(bytes.toString('base64url'))).toBe(true);
  for (const text of ['', 'x', `${bytes.toString('base64url')}A`]) expect(nonces.isFresh(text)).toBe(false);
});
