import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import {
  commitTo,
  createSalt,
  decodeEntry,
  encodeEntry,
  type LedgerEntry,
  LedgerError,
} from '#shared/ledger';
import { entryOf } from '../../support/ledger-entries.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
  return 'none';
};
const full: LedgerEntry = {
  v: 1,
  kind: 'disclosure.released',
  id: uuidv7(),
  at: '2026-11-22T18:14:11.000Z',
  actor: { credential: 'x'.repeat(43), role: 'officer' },
  subject: uuidv7(),
  evidence: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
  commitments: { package: 'a'.repeat(64) },
  details: { records: 12, parts: [{ name: '0001', bytes: 4 }], complete: true, next: null },
};
const text = Buffer.from(encodeEntry(full)).toString();

describe('a ledger entry', () => {
  it('is read back as it was written', () => {
    expect(decodeEntry(encodeEntry(full))).toEqual(full);
  });

  it('has one encoding: the order in which its members were given does not matter', () => {
    const reversed = Object.fromEntries(Object.entries(full).reverse()) as LedgerEntry;
    expect(Buffer.from(encodeEntry(reversed)).toString()).toBe(text);
  });

  it('keeps any details within bounds', () => {
    const member = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,10}$/);
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.string({ unit: 'grapheme', maxLength: 20 }).filter((word) => !/\p{Cc}/u.test(word)),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(member, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(member, value, { maxKeys: 4, noNullPrototype: true }), (details) => {
        const entry = { ...full, details: details as LedgerEntry['details'] };
        expect(decodeEntry(encodeEntry(entry)).details).toEqual(details);
      }),
    );
  });

  it.each([
    ['an unknown kind', { kind: 'order.vanished' }],
    ['an unknown version', { v: 2 }],
    ['a UUID of version 4', { id: '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d' }],
    ['an upper-case UUID', { id: uuidv7().toUpperCase() }],
    ['local time', { at: '2026-11-22T18:14:11.000+01:00' }],
    ['an actor with an address', { actor: { service: 'alice@example.org' } }],
    ['an actor of an unknown role', { actor: { credential: 'x'.repeat(43), role: 'owner' } }],
    ['an e-mail address as its subject', { subject: 'alice@example.org' }],
    ['an IPv4 address as its subject', { subject: '192.0.2.1' }],
    ['an IPv6 address as its subject', { subject: '2001:db8::1' }],
    ['free text as evidence', { evidence: 'he said so' }],
    ['a commitment that is no digest', { commitments: { order: 'alice' } }],
    ['an unknown field', { note: 'x' }],
    ['details that are an array', { details: [] }],
    ['details with a numeric member', { details: { 1: 'x' } }],
    ['details with __proto__', { details: JSON.parse('{"__proto__": 1}') }],
    ['details with a control character', { details: { a: 'x\ny' } }],
    ['details with half a character', { details: { a: '\ud800' } }],
    ['details with what JSON has not', { details: { a: undefined } }],
    ['details with an infinite number', { details: { a: Number.POSITIVE_INFINITY } }],
    ['details without end', { details: { a: [[[[[[1]]]]]] } }],
    ['details that are too large', { details: { a: Array.from({ length: 5 }, () => 'x'.repeat(8_000)) } }],
    ['evidence that is too large', { evidence: `a.${'b'.repeat(20_000)}.c` }],
  ])('is refused with %s', (_, change) => {
    expect(codeOf(() => encodeEntry({ ...full, ...change } as LedgerEntry))).toBe('ledger.entry_invalid');
  });

  it('says which fields are wrong and repeats no value', () => {
    const entry = { ...full, subject: 'alice@example.org', at: 'now' } as LedgerEntry;
    expect(() => encodeEntry(entry)).toThrow('The entry is invalid in: at, subject.');
  });

  it.each([
    ['a space more', text.replace(':', ': ')],
    [
      'another order',
      `{"kind":"disclosure.released",${text.slice(1).replace('"kind":"disclosure.released",', '')}`,
    ],
    ['a member twice', text.replace('"v":1', '"v":1,"v":1')],
    ['an escaped letter', text.replace('officer', '\\u006fficer')],
    ['a byte order mark', `\ufeff${text}`],
    ['something after it', `${text}\n`],
    ['a number in another spelling', text.replace('12', '12.0')],
    ['no JSON at all', 'entry'],
  ])('is not read from bytes with %s', (_, changed) => {
    expect(codeOf(() => decodeEntry(Buffer.from(changed)))).toBe('ledger.entry_invalid');
  });

  it('is not read from bytes that are no UTF-8, or too many', () => {
    expect(codeOf(() => decodeEntry(Buffer.from([0xff, 0xfe])))).toBe('ledger.entry_invalid');
    expect(codeOf(() => decodeEntry(Buffer.alloc(65_536, 0x20)))).toBe('ledger.entry_invalid');
  });

  it('may be of any kind in the list', () => {
    expect(decodeEntry(encodeEntry(entryOf(1))).kind).toBe('access.refused');
  });
});

describe('a commitment', () => {
  it('is SHA-256 of the salt and the bytes, and differs with each salt', () => {
    const salt = new Uint8Array(32);
    // printf '\0%.0s' {1..32} | cat - <(printf order) | sha256sum
    expect(commitTo(salt, Buffer.from('order'))).toBe(
      '34158a67c0bb4cecd774d97d2532814fceb6115d366a6ead0cf4059e96e077aa',
    );
    expect(commitTo(createSalt(), Buffer.from('order'))).not.toBe(
      commitTo(createSalt(), Buffer.from('order')),
    );
    expect(() => commitTo(new Uint8Array(31), Buffer.from('order'))).toThrow(RangeError);
  });
});
