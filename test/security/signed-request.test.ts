import { createHmac, createPublicKey, generateKeyPairSync, sign as nodeSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  bodyDigest,
  type ExpectedRequest,
  generateKey,
  parseProof,
  proofType,
  type SigningKey,
  signRequest,
  validatePublicJwk,
  verifyProof,
} from '#shared/signed-request';

/* Attacks on the signed request: each forges a JWS that some verifier somewhere has accepted. */

const now = 1_800_000_000;
const body = Buffer.from('{}');
const audience = 'https://griffie.example.nl';
const url = `${audience}/v1/orders`;
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const key = await generateKey('ES256');
const expected: ExpectedRequest = {
  key: { kid: key.kid, alg: 'ES256', jwk: key.publicJwk },
  credentialId: 'c-1',
  audience,
  method: 'POST',
  url,
  bodyDigest: bodyDigest(body),
  nowSeconds: now,
};
const claims = {
  iss: 'c-1',
  aud: audience,
  htm: 'POST',
  htu: url,
  iat: now,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  bdh: bodyDigest(body),
};
const header = { typ: proofType, alg: 'ES256', kid: key.kid };

/** Signs whatever header and claims are given, with the enrolled key: an enrolled but hostile client. */
async function forge(head: unknown, payload: unknown, by: SigningKey = key): Promise<string> {
  const input = `${b64(head)}.${b64(payload)}`;
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    by.privateKey,
    Buffer.from(input),
  );
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}
async function judge(text: string | undefined, change: Partial<ExpectedRequest> = {}): Promise<string> {
  const parsed = parseProof(text);
  if (!parsed.ok) return parsed.code;
  const result = await verifyProof(parsed.proof, { ...expected, ...change });
  return result.ok ? 'accepted' : result.code;
}
const honest = await forge(header, claims);

describe('a forged signed request is refused', () => {
  it('while the honest one, made the same way, is accepted', async () => {
    expect(await judge(honest)).toBe('accepted');
  });

  it.each(['none', 'None', 'NONE', 'nOnE', 'none ', 'HS256', 'HS512', 'RS256', 'ES521', 'ES256K', 'es256'])(
    'with alg %j',
    async (alg) => {
      expect(await judge(await forge({ ...header, alg }, claims))).toBe('proof.algorithm');
    },
  );

  it('without a signature', async () => {
    const [head, payload] = honest.split('.');
    const none = b64({ ...header, alg: 'none' });
    for (const text of [`${none}.${payload}.`, `${head}.${payload}.`, `${head}.${payload}`]) {
      expect(await judge(text)).toBe('proof.malformed');
    }
  });

  it('with an HMAC keyed by the public key, in every encoding of it', async () => {
    const pem = createPublicKey({ key: key.publicJwk, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    for (const secret of [pem, JSON.stringify(key.publicJwk)]) {
      for (const alg of ['HS256', 'ES256']) {
        const input = `${b64({ ...header, alg })}.${b64(claims)}`;
        const mac = createHmac('sha256', secret).update(input).digest('base64url');
        expect(await judge(`${input}.${mac}`)).not.toBe('accepted');
      }
    }
  });

  it('with an allowed algorithm that is not the key’s own', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const input = `${b64({ ...header, alg: 'PS256' })}.${b64(claims)}`;
    const signature = nodeSign('sha256', Buffer.from(input), {
      key: rsa.privateKey,
      padding: 6,
      saltLength: 32,
    });
    expect(await judge(`${input}.${signature.toString('base64url')}`)).toBe('proof.algorithm');
  });

  it('with a key of its own in the header, or a place to fetch one', async () => {
    const mallory = await generateKey('ES256');
    for (const extra of [
      { jwk: mallory.publicJwk },
      { jku: 'https://mallory.example/jwks' },
      { x5u: 'https://mallory.example/cert' },
      { x5c: ['MIIB'] },
      { x5t: 'AAAA' },
    ]) {
      expect(await judge(await forge({ ...header, ...extra }, claims, mallory))).toBe('proof.header');
    }
  });

  it('with crit, b64, zip, cty or any parameter that we do not know', async () => {
    for (const extra of [
      { crit: [] },
      { crit: ['exp'], exp: 1 },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
      { cty: 'JWT' },
      { nonce: 'x' },
      { alg: ['ES256'] },
      { kid: null },
    ]) {
      expect(await judge(await forge({ ...header, ...extra }, claims))).toBe('proof.header');
    }
  });

  it('by a key that is not enrolled, under the enrolled one’s kid or its own', async () => {
    const mallory = await generateKey('ES256');
    expect(await judge(await forge(header, claims, mallory))).toBe('proof.signature');
    expect(await judge(await forge({ ...header, kid: mallory.kid }, claims, mallory))).toBe(
      'proof.key_unknown',
    );
    expect(await judge(await forge({ ...header, kid: '../../etc/passwd' }, claims))).toBe('proof.header');
  });

  it('with a member twice, in the header or in the claims', async () => {
    const twice = `{"alg":"none",${JSON.stringify(header).slice(1)}`;
    expect(await judge(await forge(twice, claims))).toBe('proof.malformed');
    const escaped = `{"\\u0061lg":"none",${JSON.stringify(header).slice(1)}`;
    expect(await judge(await forge(escaped, claims))).toBe('proof.malformed');
    const twoUrls = `{"htu":"${audience}/v1/other",${JSON.stringify(claims).slice(1)}`;
    expect(await judge(await forge(header, twoUrls))).toBe('proof.claims');
  });

  it('in a second spelling: padding, line breaks, other alphabet, trailing bits, more segments, JSON', async () => {
    const [head = '', payload = '', signature = ''] = honest.split('.');
    const last = signature.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const trailing = signature.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1];
    for (const text of [
      `${honest}=`,
      `${honest}==`,
      `${honest}\n`,
      ` ${honest}`,
      `${head}=.${payload}.${signature}`,
      `${head}.${payload.slice(0, 8)}\n${payload.slice(8)}.${signature}`,
      `${head}.${payload}.${trailing}`,
      `${head}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}~`,
      `${honest}.`,
      `${honest}.${signature}`,
      `.${honest}`,
      `${head}..${signature}`,
      `${b64('')}.${payload}.${signature}`,
      `${Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(header))]).toString('base64url')}.${payload}.${signature}`,
      JSON.stringify({ protected: head, payload, signature }),
      JSON.stringify({ payload, signatures: [{ protected: head, signature }] }),
      `Bearer ${honest}`,
      honest + honest,
    ]) {
      expect(await judge(text)).toBe('proof.malformed');
    }
  });

  it('with header or claims that are JSON of another kind', async () => {
    for (const head of ['[]', 'null', '"ES256"', '1'])
      expect(await judge(await forge(head, claims))).toBe('proof.header');
    for (const head of ['{', 'x', '{"alg":"ES256",}']) {
      expect(await judge(await forge(head, claims))).toBe('proof.malformed');
    }
    for (const payload of ['[]', 'null', '""', '{', `[${JSON.stringify(claims)}]`, '['.repeat(200)]) {
      expect(await judge(await forge(header, payload))).toBe('proof.claims');
    }
  });

  it('with another typ, so that no other JWS of ours is a request', async () => {
    for (const typ of [
      'JWT',
      'griffie-manifest+jws',
      'dpop+jwt',
      'GRIFFIE-PROOF+JWT',
      `application/${proofType}`,
    ]) {
      expect(await judge(await forge({ ...header, typ }, claims))).toBe('proof.type');
    }
    expect(await judge(await forge({ alg: 'ES256', kid: key.kid }, claims))).toBe('proof.type');
  });

  it('with claims missing, added, or out of their bounds', async () => {
    const { jti: _, ...withoutJti } = claims;
    for (const payload of [
      withoutJti,
      { ...claims, exp: now + 1e6 },
      { ...claims, __proto__: null, constructor: 1 },
      { ...claims, aud: [audience] },
      { ...claims, iat: `${now}` },
      { ...claims, iat: now + 0.5 },
      { ...claims, iat: -1 },
      { ...claims, iat: 1e300 },
      { ...claims, jti: 'short' },
      { ...claims, jti: 'A'.repeat(65) },
      { ...claims, jti: 'AAAAAAAAAAAAAAAA==' },
      { ...claims, bdh: claims.bdh.slice(0, -1) },
      { ...claims, bdh: `${claims.bdh}=` },
      { ...claims, htm: 'post' },
    ]) {
      expect(await judge(await forge(header, payload))).toBe('proof.claims');
    }
  });

  it('for another time, place, method, body or person', async () => {
    expect(await judge(await forge(header, { ...claims, iat: now - 121 }))).toBe('proof.stale');
    expect(await judge(await forge(header, { ...claims, iat: now + 61 }))).toBe('proof.future');
    expect(await judge(await forge(header, { ...claims, aud: 'https://staging.example.nl' }))).toBe(
      'proof.audience',
    );
    expect(await judge(await forge(header, { ...claims, htu: `${url}?all=1` }))).toBe('proof.url');
    expect(await judge(await forge(header, { ...claims, htu: `${audience}/v1/../v1/orders` }))).toBe(
      'proof.url',
    );
    expect(await judge(await forge(header, { ...claims, htu: url.replace('griffie', 'GRIFFIE') }))).toBe(
      'proof.url',
    );
    expect(await judge(await forge(header, { ...claims, htm: 'GET' }))).toBe('proof.method');
    expect(await judge(await forge(header, { ...claims, bdh: bodyDigest(Buffer.from('{} ')) }))).toBe(
      'proof.body',
    );
    expect(await judge(await forge(header, { ...claims, iss: 'c-2' }))).toBe('proof.credential');
  });

  it('when it is absent, or too long to be looked at', async () => {
    expect(await judge(undefined)).toBe('proof.missing');
    expect(await judge('')).toBe('proof.missing');
    expect(await judge('A'.repeat(8193))).toBe('proof.too_long');
    expect(await judge('.'.repeat(8192))).toBe('proof.malformed');
    expect(await judge(await forge(header, { ...claims, htu: `${audience}/${'x'.repeat(9000)}` }))).toBe(
      'proof.too_long',
    );
  });

  it('but an ES256 signature’s other half (r, n − s) is the same request: its jti says so', async () => {
    const [head, payload, signature = ''] = honest.split('.');
    const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
    const bytes = Buffer.from(signature, 'base64url');
    const s = n - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const other = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
    ]);
    const malleated = `${head}.${payload}.${other.toString('base64url')}`;
    expect(malleated).not.toBe(honest);
    const parsed = parseProof(malleated);
    const result = parsed.ok ? await verifyProof(parsed.proof, expected) : parsed;
    expect(result).toMatchObject({ ok: true, claims: { jti: claims.jti } });
  });

  it('and what signRequest makes has no second member, no spare parameter and no padding', async () => {
    const text = await signRequest({
      ...{ privateKey: key.privateKey, alg: 'ES256', kid: key.kid, credentialId: 'c-1', audience },
      ...{ method: 'POST', url, body, nowSeconds: now },
    });
    const head = JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString());
    expect(head).toEqual(header);
    expect(text).toMatch(/^[A-Za-z0-9_.-]+$/);
  });
});

describe('a key is not enrolled', () => {
  const ec = key.publicJwk;
  if (ec.kty !== 'EC') throw new Error('an EC key was made');
  const zeros = Buffer.alloc(32).toString('base64url');

  it('with a private, symmetric or unknown member, or as a key set', async () => {
    for (const bad of [
      { ...ec, d: zeros },
      { ...ec, kid: key.kid },
      { kty: 'oct', k: zeros },
      { keys: [ec] },
      { kty: 'EC', crv: 'P-256', x: ec.x },
      { kty: 'RSA', n: 'AQAB', e: 'Aw' },
      null,
      [],
      'key',
    ]) {
      expect(await validatePublicJwk(bad, 'ES256')).toEqual({ ok: false, code: 'key.members' });
    }
  });

  it('for another type or curve than its algorithm, or an algorithm that is not allowed', async () => {
    expect(await validatePublicJwk(ec, 'ES384')).toEqual({ ok: false, code: 'key.type' });
    expect(await validatePublicJwk(ec, 'Ed25519')).toEqual({ ok: false, code: 'key.type' });
    expect(await validatePublicJwk(ec, 'PS256')).toEqual({ ok: false, code: 'key.type' });
    for (const alg of ['none', 'HS256', 'RS256', 'ES521', 'toString', undefined]) {
      expect(await validatePublicJwk(ec, alg)).toEqual({ ok: false, code: 'key.algorithm' });
    }
  });

  it('off its curve, short, or in a second spelling', async () => {
    expect(await validatePublicJwk({ ...ec, y: zeros }, 'ES256')).toEqual({ ok: false, code: 'key.invalid' });
    const short = Buffer.from(ec.x, 'base64url').subarray(1).toString('base64url');
    expect(await validatePublicJwk({ ...ec, x: short }, 'ES256')).toEqual({
      ok: false,
      code: 'key.encoding',
    });
    expect(await validatePublicJwk({ ...ec, x: `A${ec.x}` }, 'ES256')).toMatchObject({ ok: false });
  });

  it('as an Ed25519 point of small order, for which anybody can sign', async () => {
    const hex = [
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000080',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    ];
    for (const point of hex) {
      const x = Buffer.from(point, 'hex').toString('base64url');
      expect(await validatePublicJwk({ kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519')).toEqual({
        ok: false,
        code: 'key.invalid',
      });
    }
  });

  it('as RSA under 2,048 bits, over 4,096, with leading zeros or another exponent', async () => {
    const rsa = (bits: number) => {
      const { n } = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
      return n ?? '';
    };
    const n = rsa(2048);
    expect(await validatePublicJwk({ kty: 'RSA', n: rsa(2040), e: 'AQAB' }, 'PS256')).toMatchObject({
      code: 'key.size',
    });
    const padded = Buffer.concat([Buffer.alloc(1), Buffer.from(n, 'base64url')]).toString('base64url');
    expect(await validatePublicJwk({ kty: 'RSA', n: padded, e: 'AQAB' }, 'PS256')).toMatchObject({
      code: 'key.encoding',
    });
    expect(await validatePublicJwk({ kty: 'RSA', n, e: 'Aw' }, 'PS256')).toMatchObject({
      code: 'key.members',
    });
    expect(
      await validatePublicJwk({ kty: 'RSA', n: `_${'_'.repeat(700)}`, e: 'AQAB' }, 'PS256'),
    ).toMatchObject({
      code: 'key.members',
    });
  });
});
