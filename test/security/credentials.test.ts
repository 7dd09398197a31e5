import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '#shared/control';
import { generateKey, provePossession, type SigningKey, signCompact } from '#shared/signed-request';
import { audience, type Person, startTestService, type TestService } from '../support/test-service.ts';

let t: TestService;
let people = 0;
beforeAll(async () => {
  t = await startTestService();
});
afterAll(() => t.stop());

/** A key that one administrator has enrolled. */
async function enrolled(role: Role, personId = `newcomer-${++people}`): Promise<Person> {
  const key = await generateKey('ES256');
  const credentialId = `credential-${++people}`;
  const body = await t.enrolment(key, credentialId, personId, role);
  const answer = await t.administrator.call('POST', '/v1/credentials', { body });
  expect(answer).toMatchObject({ status: 201, body: { pending: true } });
  return t.person(key, credentialId, role);
}
const confirm = (by: Person, whom: Person, body: object) =>
  by.call('POST', `/v1/credentials/${whom.key.kid}/confirmation`, { body });
async function rotation(of: Person, key: SigningKey, change: object = {}) {
  const whole = await t.enrolment(key, 'rotated', '', of.role);
  const { credentialId, algorithm, publicKey, possession } = whole;
  const body = { credentialId, algorithm, publicKey, possession, ...change };
  return of.call('POST', '/v1/credentials/rotation', { body });
}
async function listed(whom: Person) {
  const { body } = await t.administrator.call('GET', '/v1/credentials');
  return body.items.find(({ thumbprint }) => thumbprint === whom.key.kid);
}

describe('one administrator alone', () => {
  it('enrols nobody who may do anything', async () => {
    const person = await enrolled('officer', 'accomplice');
    const body = { personId: 'accomplice', role: 'officer' };
    expect((await person.call('GET', '/v1/orders')).body.code).toBe('proof.key_unconfirmed');
    expect((await confirm(t.administrator, person, body)).body.code).toBe('credential.own_enrolment');
    expect((await confirm(person, person, body)).body.code).toBe('proof.key_unconfirmed');
    expect((await person.call('GET', '/v1/orders')).status).toBe(401);
    expect((await confirm(t.secondAdministrator, person, body)).status).toBe(200);
    expect((await person.call('GET', '/v1/orders')).status).toBe(200);
  });

  it('gets nothing confirmed under another name or role than the second knows', async () => {
    const person = await enrolled('officer', 'really-mallory');
    for (const body of [
      { personId: 'j-devries', role: 'officer' },
      { personId: 'really-mallory', role: 'registrar' },
    ]) {
      const answer = await confirm(t.secondAdministrator, person, body);
      expect(answer).toMatchObject({ status: 409, body: { code: 'credential.confirmation_differs' } });
    }
    expect((await person.call('GET', '/v1/orders')).status).toBe(401);
  });

  it('ends a credential at once', async () => {
    const officer = await t.enrol('officer');
    const path = `/v1/credentials/${officer.key.kid}/revocation`;
    expect((await t.secondAdministrator.call('POST', path, { body: { reason: 'lost' } })).status).toBe(200);
    expect((await officer.call('GET', '/v1/orders')).body.code).toBe('proof.key_revoked');
    expect((await rotation(officer, await generateKey('ES256'))).body.code).toBe('proof.key_revoked');
  });

  it('plays no two people whose roles exclude each other', async () => {
    const officer = await t.enrol('officer', 'one-person');
    for (const role of ['registrar', 'reviewer', 'auditor', 'administrator', 'retention'] as const) {
      const body = await t.enrolment(await generateKey('ES256'), 'more', 'one-person', role);
      const answer = await t.administrator.call('POST', '/v1/credentials', { body });
      expect(answer).toMatchObject({ status: 409, body: { code: 'credential.roles' } });
    }
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
  });
});

describe('a key is enrolled only with its own signature', () => {
  const nowSeconds = () => Math.floor(t.clock.now() / 1000);
  it.each<[string, (key: SigningKey) => Promise<string>]>([
    ['none', async () => ''],
    [
      'that of another key',
      async () => {
        const mallory = await generateKey('ES256');
        return provePossession(mallory, { credentialId: 'victim', audience, nowSeconds: nowSeconds() });
      },
    ],
    [
      'that of another key under its name',
      async (key) => {
        const { alg, privateKey } = await generateKey('ES256');
        const enrolment = { credentialId: 'victim', audience, nowSeconds: nowSeconds() };
        return provePossession({ alg, kid: key.kid, privateKey }, enrolment);
      },
    ],
    [
      'one for another credential',
      (key) => provePossession(key, { credentialId: 'other', audience, nowSeconds: nowSeconds() }),
    ],
    [
      'one for another service',
      (key) =>
        provePossession(key, {
          credentialId: 'victim',
          audience: 'https://x.example',
          nowSeconds: nowSeconds(),
        }),
    ],
    [
      'one that says it is something else',
      (key) => {
        const claims = { iss: 'victim', aud: audience, iat: nowSeconds() };
        const header = { typ: 'griffie-proof+jwt', alg: key.alg, kid: key.kid };
        return signCompact(Buffer.from(JSON.stringify(claims)), header, key.privateKey);
      },
    ],
    [
      'one of 31 days ago',
      (key) =>
        provePossession(key, { credentialId: 'victim', audience, nowSeconds: nowSeconds() - 31 * 86_400 }),
    ],
    [
      'one of tomorrow',
      (key) => provePossession(key, { credentialId: 'victim', audience, nowSeconds: nowSeconds() + 86_400 }),
    ],
    ['a signed request of its', (key) => t.person(key, 'victim', 'officer').sign('POST', '/v1/credentials')],
  ])('not with %s', async (_, sign) => {
    const key = await generateKey('ES256');
    const body = { ...(await t.enrolment(key, 'victim', 'victim', 'officer')), possession: await sign(key) };
    const enrolment = await t.administrator.call('POST', '/v1/credentials', { body });
    expect(enrolment).toMatchObject({ status: 422, body: { code: 'credential.possession' } });
    const officer = await t.enrol('officer');
    const change = { credentialId: 'victim', possession: body.possession };
    expect((await rotation(officer, key, change)).body.code).toBe('credential.possession');
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
  });
});

describe('a rotation', () => {
  it('lets the new key do what the old one might, to the same end, and the old one nothing', async () => {
    const old = await t.enrol('officer', 'rotating');
    const next = await generateKey('EdDSA');
    expect((await rotation(old, next)).status).toBe(201);
    const renewed = t.person(next, 'rotated', 'officer');
    expect((await renewed.call('GET', '/v1/orders')).status).toBe(200);
    expect((await old.call('GET', '/v1/orders')).body.code).toBe('proof.key_revoked');
    const [before, after] = [await listed(old), await listed(renewed)];
    expect(before).toMatchObject({ replacedBy: next.kid });
    expect(after).toMatchObject({
      personId: 'rotating',
      role: 'officer',
      notAfter: Reflect.get(before ?? {}, 'notAfter'),
    });
    const entries = await t.entries();
    expect(entries.at(-3)).toMatchObject({ kind: 'access.refused' });
    expect(entries.map(({ kind }) => kind)).toContain('credential.rotated');
  });

  it.each([{ notAfter: '2099-01-01T00:00:00Z' }, { role: 'administrator' }, { personId: 'somebody-else' }])(
    'takes no %j',
    async (change) => {
      const old = await t.enrol('officer');
      const answer = await rotation(old, await generateKey('ES256'), change);
      expect(answer).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    },
  );

  it('takes no key that is enrolled', async () => {
    const [one, other] = [await t.enrol('officer'), await t.enrol('officer')];
    expect((await rotation(one, other.key)).body.code).toBe('credential.exists');
    expect((await rotation(one, one.key)).body.code).toBe('credential.exists');
  });

  it('of two keys at once gives the place to one', async () => {
    const old = await t.enrol('officer');
    const keys = [await generateKey('ES256'), await generateKey('ES256')] as const;
    const answers = await Promise.all(keys.map((key) => rotation(old, key)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401]);
  });
});

describe('the list', () => {
  it('tells the last use of each credential; a refused request is none', async () => {
    const officer = await t.enrol('officer');
    expect(await listed(officer)).not.toHaveProperty('lastUsedAt');
    await officer.call('GET', '/v1/orders');
    const used = new Date(t.clock.now()).toISOString();
    t.clock.advance(1_000);
    await officer.call('POST', '/v1/orders', { body: {} });
    expect(await listed(officer)).toMatchObject({ lastUsedAt: used, pending: false });
  });
});
