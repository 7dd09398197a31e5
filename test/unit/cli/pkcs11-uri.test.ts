import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTokenUri, tokenUri } from '../../../services/cli/pkcs11/index.ts';

describe('a PKCS #11 URI', () => {
  it('names a token, a key by label or id, a file with the PIN, a module', () => {
    expect(
      parseTokenUri(
        'pkcs11:token=My%20card;object=signing;id=%01%ff;type=private?pin-source=file:/run/pin&module-path=/usr/lib/x.so',
      ),
    ).toEqual({
      token: 'My card',
      object: 'signing',
      id: '01ff',
      pinFile: '/run/pin',
      module: '/usr/lib/x.so',
    });
    expect(parseTokenUri('pkcs11:object=a;token=b')).toEqual({ token: 'b', object: 'a' });
    expect(parseTokenUri('pkcs11:token=b;id=%0A?pin-source=file:///run/pin').pinFile).toBe('/run/pin');
  });

  it('names a credential and a service where there is no credential file', () => {
    const query = 'x-griffie-credential=c-1&x-griffie-service=https://griffie.example.nl';
    expect(parseTokenUri(`pkcs11:token=t;object=o?${query}`)).toMatchObject({
      credentialId: 'c-1',
      service: 'https://griffie.example.nl',
    });
  });

  it.each([
    ['a PIN in it', 'pkcs11:token=t;object=o?pin-value=1234'],
    ['a PIN in its path', 'pkcs11:token=t;object=o;pin-value=1234'],
    ['a command for the PIN', 'pkcs11:token=t;object=o?pin-source=%7Ccat%20/etc/pin'],
    ['no token', 'pkcs11:object=o'],
    ['no key', 'pkcs11:token=t'],
    ['an attribute twice', 'pkcs11:token=t;token=u;object=o'],
    ['an attribute that cannot be honoured', 'pkcs11:token=t;object=o;serial=1'],
    ['a public key', 'pkcs11:token=t;object=o;type=public'],
    ['a broken escape', 'pkcs11:token=t%2;object=o'],
    ['a space', 'pkcs11:token=my card;object=o'],
    ['two queries', 'pkcs11:token=t;object=o?a?b'],
    ['a service over http', 'pkcs11:token=t;object=o?x-griffie-service=http://griffie.example.nl'],
  ])('is refused with %s, and repeats nothing of it', (_, text) => {
    expect(() => parseTokenUri(text)).toThrow(expect.objectContaining({ code: 'pkcs11.uri' }));
    expect(() => parseTokenUri(text)).not.toThrow(/1234|my card/);
  });

  it('is read back as it was written', () => {
    const text = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
    const key = fc.record(
      {
        token: text,
        object: text,
        id: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('hex')),
        pinFile: text.map((name) => `/${name}`),
        module: text.map((name) => `/${name}`),
      },
      { requiredKeys: ['token', 'object'] },
    );
    fc.assert(
      fc.property(key, (one) => {
        expect(parseTokenUri(tokenUri(one))).toEqual(one);
      }),
    );
  });
});
