import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bodyDigest,
  canonicalUrl,
  type ExpectedRequest,
  exportPrivateJwk,
  generateKey,
  importPrivateJwk,
  parseProof,
  proofRefusals,
  requestUrl,
  type SignatureAlgorithm,
  signatureAlgorithms,
  signRequest,
  validatePublicJwk,
  verifyProof,
} from '#shared/signed-request';

const algorithms = Object.keys(signatureAlgorithms) as SignatureAlgorithm[];
const body = Buffer.from('{"orderId":"o-1"}');
const now = 1_800_000_000;
const audience = 'https://griffie.example.nl';
const url = `${audience}/v1/disclosures?wait=1`;

async function signedWith(alg: SignatureAlgorithm) {
  const key = await generateKey(alg);
  const text = await signRequest({
    privateKey: key.privateKey,
    alg,
    kid: key.kid,
    credentialId: 'c-1',
    audience,
    method: 'post',
    url,
    body,
    nowSeconds: now,
  });
  const expected: ExpectedRequest = {
    key: { kid: key.kid, alg, jwk: key.publicJwk },
    credentialId: 'c-1',
    audience,
    method: 'POST',
    url,
    bodyDigest: bodyDigest(body),
    nowSeconds: now,
  };
  return { key, text, expected };
}

async function verify(text: string, expected: ExpectedRequest) {
  const parsed = parseProof(text);
  return parsed.ok ? verifyProof(parsed.proof, expected) : parsed;
}

describe('a signed request', () => {
  it.each(algorithms)('made with %s is accepted as what it is', async (alg) => {
    const { text, expected, key } = await signedWith(alg);
    expect(parseProof(text)).toMatchObject({ ok: true, proof: { kid: key.kid, alg } });
    expect(await verify(text, expected)).toMatchObject({
      ok: true,
      claims: { iss: 'c-1', aud: audience, htm: 'POST', htu: url, iat: now, bdh: bodyDigest(body) },
    });
  });

  it('has a jti of its own each time', async () => {
    const { text, expected, key } = await signedWith('ES256');
    const again = await signRequest({
      ...{ privateKey: key.privateKey, alg: 'ES256', kid: key.kid, credentialId: 'c-1' },
      ...{ audience, method: 'POST', url, body, nowSeconds: now },
    });
    const [a, b] = [await verify(text, expected), await verify(again, expected)];
    expect(a.ok && b.ok && a.claims.jti !== b.claims.jti).toBe(true);
  });

  it('is good from 60 s before to 120 s after its iat by the service’s clock, to the second', async () => {
    const { text, expected } = await signedWith('Ed25519');
    const at = async (seconds: number) => verify(text, { ...expected, nowSeconds: now + seconds });
    expect(await at(-61)).toEqual({ ok: false, code: 'proof.future' });
    expect((await at(-60)).ok).toBe(true);
    expect((await at(120)).ok).toBe(true);
    expect(await at(121)).toEqual({ ok: false, code: 'proof.stale' });
  });

  it('is refused for any other credential, audience, method, URL, query or body', async () => {
    const { text, expected } = await signedWith('ES256');
    const other = async (change: Partial<ExpectedRequest>) => verify(text, { ...expected, ...change });
    expect(await other({ credentialId: 'c-2' })).toEqual({ ok: false, code: 'proof.credential' });
    expect(await other({ audience: `${audience}/` })).toEqual({ ok: false, code: 'proof.audience' });
    expect(await other({ method: 'DELETE' })).toEqual({ ok: false, code: 'proof.method' });
    expect(await other({ url: `${audience}/v1/disclosures` })).toEqual({ ok: false, code: 'proof.url' });
    expect(await other({ url: `${url}#f` })).toEqual({ ok: false, code: 'proof.url' });
    expect(await other({ bodyDigest: bodyDigest(Buffer.from('')) })).toEqual({
      ok: false,
      code: 'proof.body',
    });
  });

  it('with any one character changed is refused', async () => {
    const { text, expected } = await signedWith('Ed25519');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n';
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(...alphabet), async (at, character) => {
        fc.pre(text[at] !== character);
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        expect((await verify(changed, expected)).ok).toBe(false);
      }),
    );
  });

  it('of any text at all is answered with a code from the table, never with an exception', async () => {
    const { expected } = await signedWith('ES256');
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String(), fc.json()), async (text) => {
        const result = await verify(text, expected);
        expect(result.ok === false && Object.hasOwn(proofRefusals, result.code)).toBe(true);
      }),
    );
  });

  it('cannot be made for a URL with a password or of another scheme', async () => {
    const { key } = await signedWith('ES256');
    const sign = (bad: string) =>
      signRequest({
        ...{ privateKey: key.privateKey, alg: 'ES256', kid: key.kid, credentialId: 'c-1' },
        ...{ audience, method: 'GET', url: bad, body, nowSeconds: now },
      });
    await expect(sign('https://a:b@griffie.example.nl/')).rejects.toThrow(/cannot be signed/);
    await expect(sign('file:///etc/passwd')).rejects.toThrow(/cannot be signed/);
  });
});

describe('the URL of a request', () => {
  it('is the public URL and the request-target, unchanged', () => {
    expect(requestUrl(audience, '/v1/orders?status=Approved')).toBe(`${audience}/v1/orders?status=Approved`);
    expect(requestUrl(`${audience}/griffie`, '/v1/x%2Fy')).toBe(`${audience}/griffie/v1/x%2Fy`);
  });

  it.each(['/a/../b', '/a/%2e%2e/b', '/a/./b', '/a b', '/a\\b', '/é', 'a', '', 'http://x/', '*', '/a#b'])(
    'is none where a parser would repair the target %j',
    (target) => {
      expect(requestUrl(audience, target)).toBeNull();
    },
  );

  it('is none with a password, another scheme or more than 2,048 characters', () => {
    for (const bad of [
      'https://u:p@a.nl/',
      'ftp://a.nl/',
      'HTTPS://a.nl/',
      `https://a.nl/${'x'.repeat(2048)}`,
    ]) {
      expect(canonicalUrl(bad)).toBeNull();
    }
  });
});

describe('a key', () => {
  it.each(algorithms)(
    'for %s survives its file, and its kid is the thumbprint of its public half',
    async (alg) => {
      const key = await generateKey(alg);
      const read = await importPrivateJwk(await exportPrivateJwk(key));
      expect(read).toMatchObject({ alg, kid: key.kid, publicJwk: key.publicJwk });
      expect(await validatePublicJwk(key.publicJwk, alg)).toEqual({
        ok: true,
        alg,
        jwk: key.publicJwk,
        kid: key.kid,
      });
    },
  );

  it('has the kid of RFC 7638, section 3.1', async () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(await validatePublicJwk({ kty: 'RSA', n, e: 'AQAB' }, 'PS256')).toMatchObject({
      ok: true,
      kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    });
  });
});
