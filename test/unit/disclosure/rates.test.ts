import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../services/disclosure/http/connections.ts';
import { InFlight } from '../../../services/disclosure/http/in-flight.ts';
import { TokenBuckets } from '../../../services/disclosure/http/token-buckets.ts';

function bucketsOf(burst: number, perSecond: number) {
  let elapsed = 0;
  const buckets = new TokenBuckets({ burst, perSecond }, () => elapsed);
  const pass = (ms: number): void => {
    elapsed += ms;
  };
  return { buckets, pass };
}

describe('a bucket of tokens', () => {
  it('gives its burst at once, then what comes back, and says when', () => {
    const { buckets, pass } = bucketsOf(3, 2);
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([0, 0, 0]);
    expect(buckets.take('a')).toBe(1);
    expect(buckets.take('a', 3)).toBe(2);
    expect(buckets.take('b')).toBe(0);
    pass(500);
    expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 1]);
    pass(3_600_000);
    expect([1, 2, 3, 4].map(() => buckets.take('a'))).toEqual([0, 0, 0, 1]);
  });

  it('takes nothing where it refuses, and holds no more than its burst', () => {
    const { buckets } = bucketsOf(10, 1);
    expect(buckets.take('a', 8)).toBe(0);
    expect(buckets.take('a', 5)).toBe(3);
    expect(buckets.take('a', 2)).toBe(0);
    buckets.giveBack('a', 100);
    expect([buckets.take('a', 10), buckets.take('a')]).toEqual([0, 1]);
  });

  it('never gives more than burst and time allow, whenever it is asked', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 3_000 }), fc.integer({ min: 1, max: 5 })), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(steps, (asked) => {
        const { buckets, pass } = bucketsOf(5, 4);
        let [given, elapsed] = [0, 0];
        for (const [ms, tokens] of asked) {
          pass(ms);
          elapsed += ms;
          if (buckets.take('a', tokens) === 0) given += tokens;
          expect(given).toBeLessThanOrEqual(5 + (elapsed / 1000) * 4 + 1e-6);
        }
      }),
    );
  });

  it('keeps the same memory, however many names there are', () => {
    const { buckets } = bucketsOf(1, 0.001);
    for (let i = 0; i < 60_000; i++) buckets.take(`address ${i}`);
    expect(buckets.take('address 59999')).toBeGreaterThan(0);
    // Forgotten, because 20,000 others came after it.
    expect(buckets.take('address 0')).toBe(0);
  });
});

describe('requests in flight', () => {
  const bounds = { requests: 4, perCredential: 2, bodyBytes: 100 };

  it('have a bound of the credential and one of the service', () => {
    const inFlight = new InFlight(bounds);
    const leave = inFlight.enter('a', 0);
    inFlight.enter('a', 0);
    expect(inFlight.enter('a', 0)).toBe('credential');
    inFlight.enter('b', 0);
    inFlight.enter('b', 0);
    expect(inFlight.enter('c', 0)).toBe('service');
    if (typeof leave !== 'function') throw new Error('the first one has a place');
    // Twice is once: an answer that ends and a connection that closes are both told.
    leave();
    leave();
    expect(inFlight.enter('c', 0)).toBeTypeOf('function');
    expect(inFlight.enter('d', 0)).toBe('service');
  });

  it('hold no more bytes of bodies than their bound, and one body always comes in', () => {
    const inFlight = new InFlight(bounds);
    const large = inFlight.enter('a', 1_000);
    expect(inFlight.enter('b', 1)).toBe('service');
    expect(inFlight.enter('b', 0)).toBeTypeOf('function');
    if (typeof large !== 'function') throw new Error('the first body has room');
    large();
    expect(inFlight.enter('b', 60)).toBeTypeOf('function');
    expect(inFlight.enter('c', 41)).toBe('service');
    expect(inFlight.enter('c', 40)).toBeTypeOf('function');
  });
});

describe('whom an address counts as', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    [undefined, 'unknown'],
    ['no address', 'unknown'],
  ])('%s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
