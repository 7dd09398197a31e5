import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asciiLower,
  normalizeAddress,
  normalizeHostName,
  normalizeIp,
  normalizeMessageId,
  normalizeUser,
} from '#shared/traffic';

describe('IP addresses have one spelling', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['[192.0.2.1]', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['IPv6:2001:DB8::1', '2001:db8::1'],
    ['IPV6:2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('%s is %s', (text, normal) => expect(normalizeIp(text)).toBe(normal));

  it.each(['', 'unknown', '192.0.2', '192.0.2.256', '0x7f.0.0.1', '010.0.0.1', '1', '::g', 'private/lmtp'])(
    '%s is none',
    (text) => expect(normalizeIp(text)).toBeNull(),
  );

  it('a normal form is its own normal form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (ip) => {
        const normal = normalizeIp(ip);
        expect(normal).not.toBeNull();
        expect(normalizeIp(normal ?? '')).toBe(normal);
      }),
    );
  });
});

describe('host names are A-labels in lower case', () => {
  it.each([
    ['MX1.Example.NL', 'mx1.example.nl'],
    ['mx1.example.nl.', 'mx1.example.nl'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['dsl_1.example.org', 'dsl_1.example.org'],
  ])('%s is %s', (text, normal) => expect(normalizeHostName(text)).toBe(normal));

  it.each(['', '.', 'unknown', 'a b', 'a..b', 'x'.repeat(300), 'mail>evil', '\u0000'])('%j is none', (text) =>
    expect(normalizeHostName(text)).toBeNull(),
  );
});

describe('addresses keep their local part', () => {
  it.each([
    ['Alice@Example.NL', 'Alice@example.nl'],
    ['alice+Tag@example.nl', 'alice+Tag@example.nl'],
    ['jürgen@bücher.example', 'jürgen@xn--bcher-kva.example'],
    ['ju\u0308rgen@example.org', 'j\u00fcrgen@example.org'],
    ['"a@b"@example.nl', '"a@b"@example.nl'],
    ['alice@[IPv6:2001:DB8::1]', 'alice@[IPv6:2001:db8::1]'],
    ['alice@[192.0.2.1]', 'alice@[192.0.2.1]'],
    ['root', 'root'],
  ])('%s is %s', (text, normal) => expect(normalizeAddress(text)).toBe(normal));

  it.each([
    '',
    '@example.nl',
    'alice@',
    'a\nb@example.nl',
    'alice@exa mple.nl',
    `${'x'.repeat(600)}@example.nl`,
  ])('%j is none', (text) => expect(normalizeAddress(text)).toBeNull());

  it('a normal form is its own normal form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.domain(), (local, domain) => {
        const normal = normalizeAddress(`${local}@${domain}`);
        if (normal !== null) expect(normalizeAddress(normal)).toBe(normal);
      }),
    );
  });
});

describe('users and Message-IDs', () => {
  it('a user that is an address has its domain in normal form', () => {
    expect(normalizeUser('Alice@Example.NL')).toBe('Alice@example.nl');
    expect(normalizeUser('DOMAIN\\alice')).toBe('DOMAIN\\alice');
    expect(normalizeUser('a\tb')).toBeNull();
  });

  it('a Message-ID loses its brackets and nothing else', () => {
    expect(normalizeMessageId('<A.b@example.nl>')).toEqual({ messageId: 'A.b@example.nl' });
    expect(normalizeMessageId('<>')).toBeNull();
  });

  it('a Message-ID that is long enough to carry content is kept as a hash alone', () => {
    const stored = normalizeMessageId(`<{"subject":"secret","body":"${'x'.repeat(900)}"}@example.nl>`);
    expect(stored?.messageIdHashed).toBe(true);
    expect(stored?.messageId).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

it('only ASCII letters are folded, as ClickHouse lower() does', () => {
  expect(asciiLower('ÄbC İ')).toBe('Äbc İ');
});
