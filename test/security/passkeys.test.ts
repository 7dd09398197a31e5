import { generateKeyPairSync, KeyObject } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey, trustAttestationRoots } from '#shared/signed-request';
import { type Authority, makeAuthority, x509 } from '../support/authority.ts';
import { replayOf } from '../support/replayed.ts';
import { type Change, makeSoftPasskey, type SoftPasskey } from '../support/soft-authenticator.ts';
import { audience, startTestService, type TestService } from '../support/test-service.ts';

let t: TestService;
let passkey: SoftPasskey;
beforeAll(async () => {
  t = await startTestService();
  passkey = await makeSoftPasskey(audience, 'passkey-1');
  expect((await enrol(passkey, 'passkey-1')).status).toBe(201);
  const body = { personId: 'passkey-1', role: 'officer' };
  const path = `/v1/credentials/${passkey.kid}/confirmation`;
  expect((await t.secondAdministrator.call('POST', path, { body })).status).toBe(200);
});
afterAll(() => t.stop());
// So that no test's requests count towards another's refusals of a minute.
beforeEach(() => t.clock.advance(61_000));

const seconds = (): number => Math.floor(t.clock.now() / 1000);

async function enrol(key: SoftPasskey, credentialId: string, possession = key.register(seconds())) {
  const { kid, publicJwk } = key;
  const whole = await t.enrolment(await generateKey('ES256'), credentialId, credentialId, 'officer');
  const body = { ...whole, publicKey: publicJwk, possession };
  return t.administrator
    .call('POST', '/v1/credentials', { body: { ...body, algorithm: 'ES256' } })
    .then((answer) => ({
      ...answer,
      kid,
    }));
}
const nonceOf = async (): Promise<string> =>
  String(Reflect.get((await t.anonymous('POST', '/v1/nonces')).body, 'nonce'));

async function read(
  change: Change = {},
  nonce?: string,
): Promise<{ status: number; code: string; proof: string }> {
  const call = { method: 'GET', path: '/v1/orders', nonce: nonce ?? (await nonceOf()), iat: seconds() };
  const proof = passkey.request(call, change);
  const { status, body } = await t.anonymous('GET', '/v1/orders', { proof });
  return { status, code: body.code, proof };
}

describe('a passkey', () => {
  it('signs requests like any other key, and the ledger keeps what it signed', async () => {
    const { status, proof } = await read();
    expect(status).toBe(200);
    expect((await t.entries()).at(-1)).toMatchObject({ kind: 'access.granted', evidence: proof });
  });

  it('asks for a disclosure with the body that it signed, and no other', async () => {
    const orderId = await t.approvedOrder();
    const bytes = Buffer.from(JSON.stringify({ orderId }));
    const call = {
      method: 'POST',
      path: '/v1/disclosures',
      nonce: await nonceOf(),
      iat: seconds(),
      body: bytes,
    };
    const proof = passkey.request(call);
    const other = Buffer.from(JSON.stringify({ orderId, scope: { categories: ['session'] } }));
    expect((await t.anonymous('POST', '/v1/disclosures', { bytes: other, proof })).body.code).toBe(
      'proof.body',
    );
    expect((await t.anonymous('POST', '/v1/disclosures', { bytes, proof })).status).toBe(202);
  });

  it('signs for one use', async () => {
    const { status, proof } = await read();
    expect(status).toBe(200);
    expect((await t.anonymous('GET', '/v1/orders', { proof })).body.code).toBe('proof.replayed');
  });

  it.each<[string, Change]>([
    ['on another origin', { origin: 'https://griffie.example.org' }],
    ['on the same host over http', { origin: 'http://griffie.example.nl' }],
    ['on another port', { origin: 'https://griffie.example.nl:8443' }],
    ['for another relying party', { rpId: 'example.nl' }],
    ['without the person verified', { flags: 0x01 }],
    ['without the person present', { flags: 0x04 }],
    ['as a registration', { type: 'webauthn.create' }],
    ['another challenge', { challenge: Buffer.alloc(32) }],
    ['for another service', { claims: { aud: 'https://griffie.example.org' } }],
  ])('that signed %s is not believed', async (_, change) => {
    expect(await read(change)).toMatchObject({ status: 401, code: 'proof.signature' });
  });

  it.each<[string, Change, string]>([
    ['a method', { claims: { htm: 'POST' } }, 'proof.method'],
    ['a path', { claims: { htu: `${audience}/v1/credentials` } }, 'proof.url'],
    ['a credential', { claims: { iss: 'somebody-else' } }, 'proof.credential'],
    ['a time', { claims: { iat: 1 } }, 'proof.stale'],
    ['a member more', { claims: { role: 'administrator' } }, 'proof.claims'],
    ['a type', { typ: 'griffie-proof+jwt' }, 'proof.type'],
    ['an algorithm', { alg: 'EdDSA' }, 'proof.algorithm'],
    ['a key', { kid: 'A'.repeat(43) }, 'proof.key_unknown'],
  ])('that signed for another %s is refused', async (_, change, code) => {
    expect(await read(change)).toMatchObject({ status: 401, code });
  });

  it.each<[string, () => Promise<string> | string]>([
    ['made up', () => Buffer.alloc(34, 7).toString('base64url')],
    ['of random bits', () => 'a'.repeat(22)],
    [
      'that was changed',
      async () => {
        const nonce = Buffer.from(await nonceOf(), 'base64url');
        nonce.writeUInt8(nonce.readUInt8(10) ^ 1, 10);
        return nonce.toString('base64url');
      },
    ],
    [
      'that is too old',
      async () => {
        const nonce = await nonceOf();
        t.clock.advance(120_001);
        return nonce;
      },
    ],
  ])('with a nonce %s is refused', async (_, nonce) => {
    expect(await read({}, await nonce())).toMatchObject({ status: 401, code: 'proof.nonce' });
  });

  it('is not a key for compact signatures, nor another key one for passkeys', async () => {
    const officer = await t.enrol('officer');
    const nonce = await nonceOf();
    const call = { method: 'GET', path: '/v1/orders', nonce, iat: seconds() };
    const claims = { iss: officer.credentialId };
    const proof = passkey.request(call, { kid: officer.key.kid, claims });
    expect((await t.anonymous('GET', '/v1/orders', { proof })).body.code).toBe('proof.signature');
    const [header, payload] = (await officer.sign('GET', '/v1/orders')).split('.');
    const own = Buffer.from(JSON.stringify({ typ: 'griffie-proof+jwt', alg: 'ES256', kid: passkey.kid }));
    const jws = [own.toString('base64url'), payload, header].join('.');
    expect((await t.anonymous('GET', '/v1/orders', { proof: jws })).body.code).toBe('proof.signature');
  });

  it('is one spelling: segments more, fewer or padded are refused', async () => {
    const { proof } = await read();
    for (const text of [`${proof}.`, `${proof}.AA`, `${proof}=`, proof.split('.').slice(0, 4).join('.')]) {
      expect((await t.anonymous('GET', '/v1/orders', { proof: text })).body.code).toBe('proof.malformed');
    }
  });
});

describe('a registration', () => {
  it.each<[string, Change, string?]>([
    ['on another origin', { origin: 'https://griffie.example.org' }],
    ['for another relying party', { rpId: 'example.nl' }],
    ['without the person verified', { flags: 0x41 }],
    ['as an assertion', { type: 'webauthn.get' }],
    ['for another challenge', { challenge: Buffer.alloc(32) }],
    ['for another credential', { claims: { iss: 'other' } }],
    ['for another service', { claims: { aud: 'https://griffie.example.org' } }],
    ['of long ago', { claims: { iat: 1 } }],
    ['by a page in another’s frame', { crossOrigin: true }],
    ['whose key signed nothing', { heldKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }],
    ['whose key signed for something else', { heldChallenge: Buffer.alloc(32) }],
  ])('%s is none', async (_, change) => {
    const other = await makeSoftPasskey(audience, 'newcomer');
    const answer = await enrol(other, 'newcomer', other.register(seconds(), change));
    expect(answer).toMatchObject({ status: 422, body: { code: 'credential.possession' } });
  });

  it('of another key is none', async () => {
    const [one, other] = [
      await makeSoftPasskey(audience, 'newcomer'),
      await makeSoftPasskey(audience, 'newcomer'),
    ];
    const answer = await enrol(one, 'newcomer', other.register(seconds()));
    expect(answer.body.code).toBe('credential.possession');
  });
});

describe('the maker of an authenticator', () => {
  const aaguid = 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4';
  const name = 'Test,O=Maker,C=NL,OU=Authenticator Attestation';
  const today = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 86_400_000) };
  /** A registration of the model that this maker vouches for. */
  async function vouchedFor(by: Authority): Promise<{ key: SoftPasskey; possession: string }> {
    const key = await makeSoftPasskey(audience, 'model');
    const own = await generateKey('ES256');
    const extensions = [new x509.BasicConstraintsExtension(false, undefined, true)];
    const certificate = await by.certify(own, name, { validity: today, extensions });
    const packed = { key: KeyObject.from(own.privateKey), certificate };
    return { key, possession: key.register(seconds(), { packed, aaguid }) };
  }

  it('vouches for the model, where its authority is trusted; another’s word is nothing', async () => {
    const [maker, mallory] = [
      await makeAuthority('Maker', { validity: today }),
      await makeAuthority('Maker', { validity: today }),
    ];
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(maker.certificate).toString('base64')}\n-----END CERTIFICATE-----\n`;
    await trustAttestationRoots([pem]);
    const forged = await vouchedFor(mallory);
    expect((await enrol(forged.key, 'model', forged.possession)).body.code).toBe('credential.possession');
    const honest = await vouchedFor(maker);
    expect((await enrol(honest.key, 'model', honest.possession)).status).toBe(201);
    const entry = (await t.entries()).find(({ details }) => details.credentialId === 'model');
    expect(entry?.details.passkey).toEqual({ id: honest.key.id, attestation: 'packed', aaguid });
  });
});

it('the ledger of all this verifies when it is replayed', async () => {
  const report = await replayOf(t);
  expect(report.problems).toEqual([]);
  expect(report.signaturesVerified).toBeGreaterThan(10);
});
