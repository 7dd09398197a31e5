import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusRecord } from '#shared/bus';
import { tokenOf } from '../../../services/ingester/token.ts';

const record = (value: Uint8Array, offset = 0): BusRecord => ({
  topic: 'mail.traffic.v1',
  key: 'k',
  value,
  coordinates: `mail.traffic.v1/0/${offset}`,
});
const values = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 5 });
const range = fc.option(fc.constantFrom('t/0/0-4', 't/0/0-5', 't/1/0-4'), { nil: undefined });
const same = (one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean =>
  JSON.stringify(one.map((v) => [...v])) === JSON.stringify(other.map((v) => [...v]));

describe('a deduplication token', () => {
  it('is the same for the same rows of the same batch, and for nothing else', () => {
    fc.assert(
      fc.property(range, values, range, values, (oneRange, one, otherRange, other) => {
        const tokens = [
          tokenOf(
            oneRange,
            one.map((value) => record(value)),
          ),
          tokenOf(
            otherRange,
            other.map((value) => record(value)),
          ),
        ];
        expect(tokens[0] === tokens[1]).toBe(oneRange === otherRange && same(one, other));
      }),
    );
  });

  it('tells rows apart by where one ends and the next begins', () => {
    const bytes = (text: string) => record(Buffer.from(text));
    expect(tokenOf(undefined, [bytes('ab'), bytes('c')])).not.toBe(
      tokenOf(undefined, [bytes('a'), bytes('bc')]),
    );
    expect(tokenOf(undefined, [bytes('1\na')])).not.toBe(tokenOf(undefined, [bytes(''), bytes('a')]));
  });

  it('is the same wherever a bus without stable coordinates has the records', () => {
    const value = Buffer.from('{}');
    expect(tokenOf(undefined, [record(value, 1)])).toBe(tokenOf(undefined, [record(value, 2)]));
  });

  it('is one that the store takes', () => {
    expect(tokenOf('t/0/0-1', [])).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
  });
});
