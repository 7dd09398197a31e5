import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Logger } from '#shared/runtime';
import { generateKey } from '#shared/signed-request';
import { orderBody, type Person, startTestService, type TestService } from '../support/test-service.ts';

/** What stands for a person in these tests: it must not come back in an answer, a log line or an entry. */
const planted = 'alice.secret@example.nl';

describe('no input makes a state that cannot be read again', () => {
  let t: TestService;
  beforeAll(async () => {
    t = await startTestService();
  });
  afterAll(() => t.stop());

  it.each([
    ['year 10000', '9999-12-30T00:00:00Z', '9999-12-31T23:59:59-01:00'],
    ['a year before year 0', '0000-01-01T00:00:00+01:00', '0000-01-02T00:00:00Z'],
  ])('a credential valid in %s is refused, and the service goes on', async (_name, notBefore, notAfter) => {
    const honest = await t.enrolment(await generateKey('ES256'), 'far-away', 'far-away', 'officer');
    const body = { ...honest, notBefore, notAfter };
    const answer = await t.administrator.call('POST', '/v1/credentials', { body });
    expect(answer).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    expect(await t.administrator.call('GET', '/v1/credentials')).toMatchObject({ status: 200 });
  });

  it.each([
    ['its top', '{"__proto__":{"role":"administrator"},"credentialId":"a"}'],
    ['its key', '{"credentialId":"a","publicKey":{"__proto__":{"kty":"EC"}}}'],
    ['a constructor', '{"constructor":{"prototype":{"polluted":true}}}'],
  ])('a body with prototype members in %s changes no prototype', async (_name, text) => {
    const answer = await t.administrator.call('POST', '/v1/credentials', { bytes: Buffer.from(text) });
    expect(answer).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(Reflect.get({}, 'role')).toBeUndefined();
  });

  it('a prototype member beside a complete request is refused, not skipped', async () => {
    const officer = await t.enrol('officer');
    const orderId = await t.approvedOrder();
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const bytes = Buffer.from(`{"orderId":"${orderId}","${name}":{"targets":[]}}`);
      const answer = await officer.call('POST', '/v1/disclosures', { bytes });
      expect(answer, name).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    }
  });
});

describe('an answer, a log line and an entry repeat nothing of what was sent', () => {
  let t: TestService;
  let registrar: Person;
  let officer: Person;
  let approved: string;
  const logged: string[] = [];
  const write = (members: unknown, message: string) => void logged.push(JSON.stringify({ members, message }));
  const logger: Logger = { info: write, warn: write, error: write };

  beforeAll(async () => {
    t = await startTestService({ logger });
    [registrar, officer] = [await t.enrol('registrar'), await t.enrol('officer')];
    approved = await t.approvedOrder();
  });
  afterAll(() => t.stop());

  it.each([
    ['an unknown member', () => registrar, '/v1/orders', { [planted]: 1 }],
    ['an unknown member in the order', () => registrar, '/v1/orders', orderBody({ [planted]: 1 })],
    ['a regime', () => registrar, '/v1/orders', orderBody({ regime: planted })],
    [
      'a target',
      () => registrar,
      '/v1/orders',
      orderBody({ scope: { targets: [{ kind: planted, value: planted }] } }),
    ],
    ['a key member', () => t.administrator, '/v1/credentials', { publicKey: { [planted]: 1 } }],
    [
      'a key member of the right length',
      () => t.administrator,
      '/v1/credentials',
      { publicKey: { 'a@ex.nl': 1 } },
    ],
    ['a person id', () => t.administrator, '/v1/credentials', { personId: planted, credentialId: planted }],
    ['an order id', () => officer, '/v1/disclosures', { orderId: planted }],
    ['a category', () => officer, '/v1/disclosures', { orderId: '', scope: { categories: [planted] } }],
  ])('%s', async (_name, by, path, body) => {
    const answer = await by().call('POST', path, { body });
    expect(answer.status).toBe(422);
    expect(answer.bytes.toString()).not.toContain(planted);
    expect(answer.bytes.toString()).not.toContain('a@ex.nl');
  });

  it.each([
    `/v1/orders/${planted}`,
    `/v1/orders/${encodeURIComponent(planted)}/document`,
    `/v1/disclosures/${planted}`,
    `/v1/${planted}`,
    `/v1/orders/%zz${planted}`,
    `/v1/orders/${planted.repeat(10)}`,
    `/ledger/tile/${planted}`,
    `/v1/orders?${planted}`,
  ])('a path: %s', async (path) => {
    for (const answer of [await officer.call('GET', path), await t.anonymous('GET', path)]) {
      const text = answer.bytes.toString();
      expect(text).not.toContain('alice');
      if (answer.status !== 200) {
        expect(answer.headers['content-type']).toContain('application/problem+json');
        expect(answer.body.code).toMatch(/^[a-z]+\.[a-z_]+$/);
      }
    }
  });

  it('a target outside the order', async () => {
    const scope = { targets: [{ kind: 'address', value: planted }] };
    const answer = await officer.call('POST', '/v1/disclosures', { body: { orderId: approved, scope } });
    expect(answer).toMatchObject({ status: 403, body: { code: 'scope.target_not_in_order' } });
    expect(answer.bytes.toString()).not.toContain(planted);
  });

  it('and neither the log nor the ledger has it', async () => {
    await t.service.close();
    const entries: string[] = [];
    for await (const { bytes } of t.ledger.entries()) entries.push(Buffer.from(bytes).toString());
    const payloads = entries.flatMap((entry) => {
      const { evidence } = JSON.parse(entry) as { evidence?: string };
      return evidence ? [Buffer.from(evidence.split('.')[1] ?? '', 'base64url').toString()] : [];
    });
    expect(payloads.length).toBeGreaterThan(10);
    expect(entries.join('\n')).not.toContain('alice');
    expect(payloads.join('\n')).not.toContain('alice');
    expect(logged.join('\n')).not.toContain('alice');
  });
});
