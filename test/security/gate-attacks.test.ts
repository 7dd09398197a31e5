import { createHmac, createPublicKey, generateKeyPairSync, KeyObject, sign as nodeSign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyDigest, generateKey, importPrivateJwk, proofType } from '#shared/signed-request';
import { audience, type Person, startTestService, type TestService } from '../support/test-service.ts';

/*
 * Attacks on the signed request, each sent to the real service: what is forged differs from an honest
 * request in one thing only, and the honest one, made the same way, is accepted.
 */

const path = '/v1/disclosures';
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
let made = 0;
const newJti = (): string => `attack-${String(++made).padStart(20, '0')}`;

/** Order of P-256's group (SEC 2). */
const n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
const scalar = (hex: string): Buffer => Buffer.from(hex.padStart(64, '0'), 'hex');

interface Parts {
  /** Text is taken as it is, an object as JSON. */
  readonly header: Record<string, unknown> | string;
  readonly claims: Record<string, unknown> | string;
  readonly sign: (input: string) => Buffer;
}

let t: TestService;
let officer: Person;
let other: Person;
let body: Buffer;
beforeAll(async () => {
  t = await startTestService();
  [officer, other] = [await t.enrol('officer'), await t.enrol('officer')];
  body = Buffer.from(JSON.stringify({ orderId: await t.approvedOrder() }));
});
afterAll(() => t.stop());

function ownKey({ key }: Person): KeyObject {
  return key.privateKey instanceof KeyObject ? key.privateKey : KeyObject.from(key.privateKey);
}
const signWith = (key: KeyObject) => (input: string) =>
  nodeSign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });

function honest(by: Person = officer) {
  return {
    header: { typ: proofType, alg: by.key.alg, kid: by.key.kid },
    claims: {
      iss: by.credentialId,
      aud: audience,
      htm: 'POST',
      htu: audience + path,
      iat: Math.floor(t.clock.now() / 1000),
      jti: newJti(),
      bdh: bodyDigest(body),
    },
    sign: signWith(ownKey(by)),
  };
}

function forge({ header, claims, sign }: Parts): string {
  const input = `${b64(header)}.${b64(claims)}`;
  return `${input}.${sign(input).toString('base64url')}`;
}
const withHeader = (change: object): string => {
  const parts = honest();
  return forge({ ...parts, header: { ...parts.header, ...change } });
};
const withClaims = (change: object): string => {
  const parts = honest();
  return forge({ ...parts, claims: { ...parts.claims, ...change } });
};
const withSignature = (bytes: (input: string) => Buffer): string => forge({ ...honest(), sign: bytes });

const requested = async (): Promise<number> =>
  (await t.entries()).filter(({ kind }) => kind === 'disclosure.requested').length;

async function expectRefused(proof: string, code: string, sent: Buffer = body): Promise<void> {
  const before = await requested();
  const answer = await t.anonymous('POST', path, { proof, bytes: sent });
  expect([answer.status, answer.body.code]).toEqual([401, code]);
  expect(await requested()).toBe(before);
}

it('the honest request, made the same way, is accepted', async () => {
  const answer = await t.anonymous('POST', path, { proof: forge(honest()), bytes: body });
  expect(answer.status).toBe(202);
});

describe('the algorithm', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'HS256', 'RS256', 'ES521', 'ES256K', 'es256'])(
    'is "%s"',
    (alg) => expectRefused(withHeader({ alg }), 'proof.algorithm'),
  );

  it.each(['none', 'None'])('is "%s", with no signature or an empty one', async (alg) => {
    const { header, claims } = honest();
    const input = `${b64({ ...header, alg })}.${b64(claims)}`;
    for (const text of [input, `${input}.`, `${input}..`]) await expectRefused(text, 'proof.malformed');
  });

  it('is an HMAC under the public key, in each encoding of it', async () => {
    const jwk = officer.key.publicJwk;
    const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
      officer.key.kid,
    ];
    const parts = honest();
    for (const secret of secrets) {
      const sign = (input: string): Buffer => createHmac('sha256', secret).update(input).digest();
      await expectRefused(
        forge({ ...parts, header: { ...parts.header, alg: 'HS256' }, sign }),
        'proof.algorithm',
      );
      await expectRefused(forge({ ...parts, sign }), 'proof.signature');
    }
  });

  it('is another allowed one than the key was enrolled for', async () => {
    for (const alg of ['ES384', 'PS256', 'EdDSA', 'Ed25519']) {
      await expectRefused(withHeader({ alg }), 'proof.algorithm');
    }
  });

  it('is RS256 for a key that was enrolled for PS256, under either name', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = await importPrivateJwk({ ...privateKey.export({ format: 'jwk' }), alg: 'PS256' });
    const body = await t.enrolment(key, 'smart-card', 'smart-card', 'officer');
    const enrolled = await t.administrator.call('POST', '/v1/credentials', { body });
    expect(enrolled.status).toBe(201);
    const { claims } = honest();
    const pkcs1 = (input: string): Buffer => nodeSign('sha256', Buffer.from(input), privateKey);
    const header = { typ: proofType, kid: enrolled.body.thumbprint };
    const own = { ...claims, iss: 'smart-card' };
    await expectRefused(
      forge({ header: { ...header, alg: 'RS256' }, claims: own, sign: pkcs1 }),
      'proof.algorithm',
    );
    await expectRefused(
      forge({ header: { ...header, alg: 'PS256' }, claims: own, sign: pkcs1 }),
      'proof.signature',
    );
  });
});

describe('the key', () => {
  it('comes with the request, or a place to fetch it', async () => {
    const mallory = await generateKey('ES256');
    for (const extra of [
      { jwk: mallory.publicJwk },
      { jku: 'https://mallory.example/keys' },
      { x5u: 'https://mallory.example/chain' },
      { x5c: ['MIIB'] },
      { x5t: 'AAAA' },
    ]) {
      await expectRefused(withHeader(extra), 'proof.header');
    }
  });

  it.each([
    ['a path', '../../../../etc/passwd'],
    ['a null device', '/dev/null'],
    ['SQL', "' UNION SELECT 'AAAA' -- "],
    ['a prototype member', '__proto__'],
    ['a prototype method', 'toString'],
    ['nothing', ''],
    ['a line break', `${'a'.repeat(42)}\n`],
    ['an array', [officer]],
    ['an object', { toString: 'x' }],
    ['a number', 1],
  ])('is named by %s', (_name, kid) => expectRefused(withHeader({ kid }), 'proof.header'));

  it('is named by a thumbprint that nobody enrolled', () =>
    expectRefused(withHeader({ kid: '__proto__'.padEnd(43, '_') }), 'proof.key_unknown'));

  it('is somebody else’s', async () => {
    await expectRefused(withHeader({ kid: other.key.kid }), 'proof.signature');
    await expectRefused(withClaims({ iss: other.credentialId }), 'proof.credential');
  });

  it('is named twice', async () => {
    const parts = honest();
    for (const name of ['kid', '\\u006bid', 'alg', 'typ']) {
      const header = `{"${name}":"${other.key.kid}",${JSON.stringify(parts.header).slice(1)}`;
      await expectRefused(forge({ ...parts, header }), 'proof.malformed');
    }
  });

  it('is enrolled a second time, for another person', async () => {
    const body = await t.enrolment(officer.key, 'second', 'second', 'officer');
    const answer = await t.administrator.call('POST', '/v1/credentials', { body });
    expect(answer).toMatchObject({ status: 409, body: { code: 'credential.exists' } });
  });

  it.each<[string, object, string]>([
    ['has a use', { use: 'enc' }, 'key.members'],
    ['has a use for signatures', { use: 'sig' }, 'key.members'],
    ['has key_ops', { key_ops: ['sign', 'verify'] }, 'key.members'],
    ['is private', { d: Buffer.alloc(32, 1).toString('base64url') }, 'key.members'],
    ['is on P-384', { crv: 'P-384' }, 'key.type'],
    ['is on secp256k1', { crv: 'secp256k1' }, 'key.members'],
    ['is off its curve', { y: Buffer.alloc(32, 1).toString('base64url') }, 'key.invalid'],
    ['is the point at infinity', { x: b64('\0'.repeat(32)), y: b64('\0'.repeat(32)) }, 'key.invalid'],
  ])('that is enrolled %s', async (_name, change, code) => {
    const body = await t.enrolment(await generateKey('ES256'), 'bad-key', 'bad-key', 'officer');
    const publicKey = { ...body.publicKey, ...change };
    const answer = await t.administrator.call('POST', '/v1/credentials', { body: { ...body, publicKey } });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe(code);
  });
});

describe('the form', () => {
  it.each<[string, object]>([
    ['crit that is unknown', { crit: ['exp'], exp: 1 }],
    ['crit that is empty', { crit: [] }],
    ['b64: false', { b64: false, crit: ['b64'] }],
    ['b64: false without crit', { b64: false }],
    ['zip', { zip: 'DEF' }],
    ['cty', { cty: 'JWT' }],
  ])('has %s', (_name, extra) => expectRefused(withHeader(extra), 'proof.header'));

  it('is one of the JSON serialisations', async () => {
    const [head, payload, signature] = forge(honest()).split('.');
    await expectRefused(JSON.stringify({ protected: head, payload, signature }), 'proof.malformed');
    const signatures = [{ protected: head, signature }];
    await expectRefused(JSON.stringify({ payload, signatures }), 'proof.malformed');
  });

  it('has a claim twice, or one that is not known', async () => {
    const parts = honest();
    const twice = `{"htu":"${audience}/v1/other",${JSON.stringify(parts.claims).slice(1)}`;
    await expectRefused(forge({ ...parts, claims: twice }), 'proof.claims');
    await expectRefused(withClaims({ exp: 4_102_444_800 }), 'proof.claims');
  });

  it.each(['JWT', 'griffie-manifest+jws', 'dpop+jwt', 'GRIFFIE-PROOF+JWT', `application/${proofType}`])(
    'has the type %s',
    (typ) => expectRefused(withHeader({ typ }), 'proof.type'),
  );

  it('is longer than it may be', () =>
    expectRefused(withClaims({ htu: audience + path + 'x'.repeat(8_192) }), 'proof.too_long'));

  it('is nested deeper than anybody reads', async () => {
    const deep = '['.repeat(2_000) + ']'.repeat(2_000);
    await expectRefused(forge({ ...honest(), claims: deep }), 'proof.claims');
    await expectRefused(forge({ ...honest(), header: deep }), 'proof.malformed');
  });
});

describe('the signature', () => {
  it.each<[string, () => Buffer]>([
    ['r and s are zero', () => Buffer.alloc(64)],
    ['r is zero', () => Buffer.concat([scalar(''), scalar('01')])],
    ['s is zero', () => Buffer.concat([scalar('01'), scalar('')])],
    ['r and s are the order of the group', () => Buffer.concat([scalar(n), scalar(n)])],
    ['r and s are as large as they fit', () => Buffer.alloc(64, 0xff)],
    ['r and s have 48 bytes', () => Buffer.alloc(96, 1)],
    ['is one byte', () => Buffer.alloc(1)],
    ['is very long', () => Buffer.alloc(4_000, 1)],
  ])('%s', (_name, bytes) => expectRefused(withSignature(bytes), 'proof.signature'));

  it('is good, with a byte more, or r and s oversized by a zero each', async () => {
    const sign = signWith(ownKey(officer));
    await expectRefused(
      withSignature((input) => Buffer.concat([sign(input), Buffer.alloc(1)])),
      'proof.signature',
    );
    const padded = (input: string): Buffer => {
      const bytes = sign(input);
      return Buffer.concat([Buffer.alloc(1), bytes.subarray(0, 32), Buffer.alloc(1), bytes.subarray(32)]);
    };
    await expectRefused(withSignature(padded), 'proof.signature');
  });

  it('is good, in ASN.1', () =>
    expectRefused(
      withSignature((input) => nodeSign('sha256', Buffer.from(input), ownKey(officer))),
      'proof.signature',
    ));

  it('is good, over something else', () =>
    expectRefused(
      withSignature(() => signWith(ownKey(officer))('another input')),
      'proof.signature',
    ));

  it('has a second spelling (r, n − s): that is the same request, used already', async () => {
    const proof = forge(honest());
    expect((await t.anonymous('POST', path, { proof, bytes: body })).status).toBe(202);
    const [head, payload, signature = ''] = proof.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const s = BigInt(`0x${n}`) - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const second = Buffer.concat([bytes.subarray(0, 32), scalar(s.toString(16))]).toString('base64url');
    await expectRefused(`${head}.${payload}.${second}`, 'proof.replayed');
  });
});

describe('what was signed is something else', () => {
  it.each([
    ['a trailing slash', `${audience}${path}/`],
    ['a query', `${audience}${path}?a=1&b=2`],
    ['an empty query', `${audience}${path}?`],
    ['a fragment', `${audience}${path}#x`],
    ['an encoded letter', `${audience}/v1/%64isclosures`],
    ['an encoded slash', `${audience}/v1%2Fdisclosures`],
    ['dot segments', `${audience}/v1/x/..${path.slice(3)}`],
    ['a double slash', `${audience}//v1/disclosures`],
    ['capitals in the host', audience.replace('griffie', 'GRIFFIE') + path],
    ['capitals in the path', `${audience}/V1/disclosures`],
    ['the default port', `${audience}:443${path}`],
    ['another port', `${audience}:8443${path}`],
    ['a user', audience.replace('https://', 'https://user@') + path],
    ['http', audience.replace('https', 'http') + path],
    ['another host', `https://mallory.example${path}`],
    ['a host that begins the same', `${audience}.mallory.example${path}`],
    ['only the path', path],
    ['a full-width letter in the host', audience.replace('g', 'ｇ') + path],
  ])('the URL, by %s', (_name, htu) => expectRefused(withClaims({ htu }), 'proof.url'));

  it('the order of a query: none is taken at all, however it is signed', async () => {
    for (const [sent, signed] of [
      ['?a=1&b=2', '?b=2&a=1'],
      ['?a=1&b=2', '?a=1&b=2'],
    ]) {
      const proof = withClaims({ htu: audience + path + signed });
      const answer = await t.anonymous('POST', path + sent, { proof, bytes: body });
      expect([401, 422]).toContain(answer.status);
      expect(['proof.url', 'request.invalid']).toContain(answer.body.code);
    }
  });

  it.each([
    ['the method', { htm: 'GET' }, 'proof.method'],
    ['the method in small letters', { htm: 'post' }, 'proof.claims'],
    ['the audience', { aud: 'https://staging.example.nl' }, 'proof.audience'],
    ['the audience with a slash', { aud: `${audience}/` }, 'proof.audience'],
    ['several audiences', { aud: [audience] }, 'proof.claims'],
  ])('%s', (_name, change, code) => expectRefused(withClaims(change), code));

  it('the body', async () => {
    const swapped = Buffer.from(body.toString().replace('}', ' }'));
    await expectRefused(forge(honest()), 'proof.body', swapped);
    await expectRefused(withClaims({ bdh: bodyDigest(Buffer.alloc(0)) }), 'proof.body');
    await expectRefused(withClaims({ bdh: bodyDigest(body).replace(/.$/, '!') }), 'proof.claims');
  });

  it.each<[string, (now: number) => unknown, string]>([
    ['61 seconds in the future', (now) => now + 61, 'proof.future'],
    ['121 seconds old', (now) => now - 121, 'proof.stale'],
    ['in milliseconds', (now) => now * 1000, 'proof.future'],
    ['at the beginning of time', () => 0, 'proof.stale'],
    ['negative', () => -1, 'proof.claims'],
    ['a fraction', (now) => now + 0.5, 'proof.claims'],
    ['a text', String, 'proof.claims'],
    ['not a safe integer', () => 2 ** 60, 'proof.claims'],
    ['absent', () => undefined, 'proof.claims'],
  ])('the time: %s', (_name, iat, code) =>
    expectRefused(withClaims({ iat: iat(Math.floor(t.clock.now() / 1000)) }), code),
  );
});
