import { beforeAll, describe, expect, it } from 'vitest';
import {
  certificateDigest,
  chainDigest,
  checkChain,
  maxChain,
  readChainHeader,
  readPemCertificates,
  writeChainHeader,
} from '#shared/certificates';
import { generateKey, type SigningKey } from '#shared/signed-request';
import {
  type Authority,
  authorityExtensions,
  makeAuthority,
  signerExtensions,
  x509,
} from '../../support/authority.ts';

const at = '2096-11-20T09:00:00.000Z';
let root: Authority;
let middle: Authority;
let key: SigningKey;
let leaf: Uint8Array;
beforeAll(async () => {
  root = await makeAuthority('Root');
  middle = await root.below('Middle');
  key = await generateKey('ES256');
  leaf = await middle.certify(key, 'j-devries');
});

const check = (chain: readonly Uint8Array[], anchors = [root.certificate], of = key, time = at) =>
  checkChain(chain, anchors, { ...of.publicJwk }, time);
const codeOf = async (...args: Parameters<typeof check>) => {
  const result = await check(...args);
  return result.ok ? 'ok' : result.code;
};

describe('a chain of certificates', () => {
  it('leads from the key to an anchor, which may be left out', async () => {
    const link = {
      issuer: expect.stringMatching(/^[0-9a-f]{64}$/),
      serial: expect.stringMatching(/^[0-9a-f]+$/),
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
    };
    const expected = {
      ok: true,
      chain: {
        sha256: certificateDigest(leaf),
        anchorSha256: certificateDigest(root.certificate),
        notBefore: '2096-01-01T00:00:00.000Z',
        notAfter: '2098-01-01T00:00:00.000Z',
        links: [link, link],
      },
    };
    expect(await check([leaf, middle.certificate])).toEqual(expected);
    expect(await check([leaf, middle.certificate, root.certificate])).toEqual(expected);
    expect(await codeOf([await root.certify(key, 'x')])).toBe('ok');
    expect(
      await codeOf(
        [leaf, middle.certificate],
        [(await makeAuthority('Other')).certificate, root.certificate],
      ),
    ).toBe('ok');
  });

  it('is valid while all of it is, and no longer', async () => {
    const validity = {
      notBefore: new Date('2096-10-01T00:00:00Z'),
      notAfter: new Date('2096-12-01T00:00:00Z'),
    };
    const short = await middle.certify(key, 'short', { validity });
    const when = (time: string) => codeOf([short, middle.certificate], [root.certificate], key, time);
    expect(await when('2096-11-30T23:59:59.999Z')).toBe('ok');
    expect(await when('2096-12-01T00:00:00.001Z')).toBe('certificate.validity');
    expect(await when('2096-09-30T23:59:59.999Z')).toBe('certificate.validity');
    const expired = await root.below('Expired', { validity });
    const chain = [await expired.certify(key, 'x'), expired.certificate];
    expect(await codeOf(chain, [root.certificate], key, '2097-01-01T00:00:00.000Z')).toBe(
      'certificate.validity',
    );
  });

  it.each<[string, string, () => Promise<readonly Uint8Array[]>]>([
    [
      'of another key',
      'certificate.key',
      async () => [await middle.certify(await generateKey('ES256'), 'x'), middle.certificate],
    ],
    [
      'of another kind of key',
      'certificate.key',
      async () => [await middle.certify(await generateKey('EdDSA'), 'x'), middle.certificate],
    ],
    [
      'without key usage',
      'certificate.usage',
      async () => [await middle.certify(key, 'x', { extensions: [] }), middle.certificate],
    ],
    [
      'for encryption alone',
      'certificate.usage',
      async () => [
        await middle.certify(key, 'x', {
          extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyEncipherment, true)],
        }),
        middle.certificate,
      ],
    ],
    [
      'of an authority',
      'certificate.usage',
      async () => [
        await middle.certify(key, 'x', {
          extensions: [new x509.BasicConstraintsExtension(true, undefined, true), ...signerExtensions()],
        }),
        middle.certificate,
      ],
    ],
    [
      'with something critical that nobody knows',
      'certificate.usage',
      async () => [
        await middle.certify(key, 'x', {
          extensions: [...signerExtensions(), new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))],
        }),
        middle.certificate,
      ],
    ],
    [
      'by an authority nobody trusts',
      'certificate.anchor',
      async () => {
        const other = await makeAuthority('Root');
        return [await other.certify(key, 'x'), other.certificate];
      },
    ],
    ['with a gap', 'certificate.anchor', async () => [leaf]],
    ['in another order', 'certificate.key', async () => [middle.certificate, leaf]],
    [
      'by a signer who is no authority',
      'certificate.chain',
      async () => {
        const signer = await root.below('Signer', { extensions: signerExtensions() });
        return [await signer.certify(key, 'x'), signer.certificate];
      },
    ],
    [
      'by an authority that may not sign certificates',
      'certificate.chain',
      async () => {
        const extensions = [new x509.BasicConstraintsExtension(true, undefined, true), ...signerExtensions()];
        const authority = await root.below('Authority', { extensions });
        return [await authority.certify(key, 'x'), authority.certificate];
      },
    ],
    [
      'longer than an authority allows',
      'certificate.chain',
      async () => {
        const upper = await root.below('Upper', { extensions: authorityExtensions(0) });
        const lower = await upper.below('Lower');
        return [await lower.certify(key, 'x'), lower.certificate, upper.certificate];
      },
    ],
    [
      'by name constraints that are not judged here',
      'certificate.chain',
      async () => {
        const constraint = new x509.Extension('2.5.29.30', true, new Uint8Array([0x30, 0]));
        const authority = await root.below('Named', { extensions: [...authorityExtensions(), constraint] });
        return [await authority.certify(key, 'x'), authority.certificate];
      },
    ],
    [
      'signed over SHA-1',
      'certificate.anchor',
      async () => [await root.certify(key, 'x', { hash: 'SHA-1' })],
    ],
    [
      'that is long',
      'certificate.malformed',
      async () => [leaf, ...Array.from({ length: maxChain }, () => middle.certificate)],
    ],
    ['of nothing', 'certificate.malformed', async () => []],
    ['that is none', 'certificate.malformed', async () => [Buffer.from('MIIB')]],
    [
      'with bytes behind it',
      'certificate.malformed',
      async () => [Buffer.concat([leaf, Buffer.from([0])]), middle.certificate],
    ],
  ])('%s is refused', async (_, code, chain) => {
    expect(await codeOf(await chain())).toBe(code);
  });

  it('whose signature was changed is refused', async () => {
    const changed = Uint8Array.from(leaf);
    const last = changed.length - 1;
    changed[last] = (changed[last] ?? 0) ^ 1;
    expect(await codeOf([changed, middle.certificate])).toBe('certificate.chain');
  });

  it('that is the anchor itself proves nothing', async () => {
    const own = await root.certify(key, 'x');
    expect(await codeOf([own], [own])).toBe('certificate.anchor');
  });
});

describe('the header of a chain', () => {
  it('is read back as it was written, in one spelling', () => {
    const chain = [leaf, middle.certificate];
    const text = writeChainHeader(chain);
    expect(readChainHeader(text)?.map((der) => chainDigest([der]))).toEqual(
      chain.map((der) => chainDigest([der])),
    );
    for (const other of [
      '',
      ',',
      `${text},`,
      `${text}=`,
      ` ${text}`,
      text.replace(',', ', '),
      `${text},${text},${text}`,
    ]) {
      expect(readChainHeader(other), other.slice(0, 5)).toBeNull();
    }
  });

  it('comes from a PEM file', () => {
    const pem = [leaf, middle.certificate]
      .map(
        (der) =>
          `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`,
      )
      .join('some text\n');
    expect(readPemCertificates(pem)?.map(certificateDigest)).toEqual(
      [leaf, middle.certificate].map(certificateDigest),
    );
    expect(readPemCertificates('')).toBeNull();
    expect(readPemCertificates('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toBeNull();
  });
});
