import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeAddress, normalizeHostName } from '#shared/traffic';
import { addressOf, hostNameOf } from '../../../../services/collector/postfix/normal-forms.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc
    .array(
      fc.constantFrom(
        'a',
        'B',
        '9',
        '.',
        '-',
        '_',
        '@',
        'unknown',
        '"',
        ' ',
        'é',
        '[',
        ']',
        '127.0.0.1',
        '\u0007',
        '+',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.string({ minLength: 200, maxLength: 600, unit: fc.constantFrom('a', '.', '@') }),
);

describe('the fast paths', () => {
  it('give the normal forms of shared/traffic for any text', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(hostNameOf(value)).toBe(normalizeHostName(value));
        expect(addressOf(value)).toBe(normalizeAddress(value));
      }),
      { numRuns: 5_000 },
    );
  });
});
