import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderDraft } from '#shared/orders';
import { testEvent } from '../support/events.ts';
import { orderBody, type Person, startTestService, type TestService } from '../support/test-service.ts';

/* What is written into the members of orders and requests, sent to the real service over the real engine. */

let t: TestService;
let officer: Person;
let registrar: Person;
let reviewer: Person;
beforeAll(async () => {
  t = await startTestService();
  officer = await t.enrol('officer');
  registrar = await t.enrol('registrar');
  reviewer = await t.enrol('reviewer');
  const events = [
    testEvent(),
    testEvent({ recipientAddress: 'carol@example.nl', senderIp: '192.0.2.8', originHostIp: '192.0.2.8' }),
  ];
  await t.store.insertEvents(events, { deduplicationToken: 'a' });
});
afterAll(() => t.stop());

/** An order about these targets, approved. */
function approvedFor(targets: readonly { kind: string; value: string }[]): Promise<string> {
  const draft = t.orderDraft();
  const scope = { ...draft.scope, targets, broadTargetsOrdered: true };
  return t.approvedOrder({ ...draft, scope } as OrderDraft);
}
const ask = (orderId: string, scope: object) =>
  officer.call('POST', '/v1/disclosures', { body: { orderId, scope } });
/** Records that the order would release. */
async function estimated(orderId: string): Promise<number> {
  const answer = await reviewer.call('GET', `/v1/orders/${orderId}/estimate`);
  expect(answer.status).toBe(200);
  return answer.body.total;
}

describe('an address on the network is what it is, in whatever spelling', () => {
  it('an IPv4-mapped one is the IPv4 address: it finds the same, and is within the same order', async () => {
    for (const value of ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:C000:0207', '0:0:0:0:0:ffff:c000:207']) {
      const orderId = await approvedFor([{ kind: 'ip', value }]);
      expect(await estimated(orderId)).toBe(1);
      const answer = await ask(orderId, { targets: [{ kind: 'ip', value: '192.0.2.7' }] });
      expect(answer.status).toBe(202);
      expect((await t.finished(officer, answer.body.disclosureId)).body.records).toBe(1);
    }
  });

  it.each([
    ['ip', '192.0.2.8'],
    ['ip', '192.0.2.07'],
    ['ip', '192.0.519'],
    ['ip', '3221225991'],
    ['ip', '0xc0000207'],
    ['ip', '0300.0.2.7'],
    ['ip', '192.0.2.7 '],
    ['ip', '192.0.2.*'],
    ['ip', '192.0.2.7/24'],
    ['ip', '192.0.2.7,192.0.2.8'],
    ['ip', '64:ff9b::192.0.2.7'],
    ['ip', '::ffff:192.0.2.8'],
    ['ip', '１９２.0.2.7'],
    ['prefix', '0.0.0.0/0'],
    ['prefix', '192.0.2.0/31'],
    ['prefix', '192.0.2.7/8'],
    ['prefix', '::/0'],
    ['prefix', '::ffff:0:0/96'],
    ['prefix', '::ffff:192.0.2.7/24'],
  ])('but an order for 192.0.2.7 does not cover the %s %s', async (kind, value) => {
    const orderId = await approvedFor([{ kind: 'ip', value: '192.0.2.7' }]);
    const answer = await ask(orderId, { targets: [{ kind, value }] });
    expect([403, 422]).toContain(answer.status);
    expect(['scope.target_not_in_order', 'request.invalid']).toContain(answer.body.code);
  });

  it.each([
    ['the next larger prefix', '198.51.100.0/23'],
    ['the one beside it', '198.51.101.0/24'],
    ['all', '0.0.0.0/0'],
    ['an address outside', '198.51.101.1/32'],
  ])('a prefix does not cover %s', async (_name, value) => {
    const orderId = await approvedFor([{ kind: 'prefix', value: '198.51.100.0/24' }]);
    const answer = await ask(orderId, { targets: [{ kind: 'prefix', value }] });
    expect([403, 422]).toContain(answer.status);
  });
});

describe('no character stands for others', () => {
  it.each([
    ['address', '*@example.nl'],
    ['address', '%@example.nl'],
    ['address', '_____@example.nl'],
    ['address', '@example.nl'],
    ['address', '.*@example.nl'],
    ['user', '%'],
    ['user', '*'],
    ['host', '*.example.nl'],
    ['host', '%'],
    ['messageId', '%'],
    ['domain', '*.nl'],
    ['domain', '%.nl'],
  ])('an order for the %s %s is refused, or finds what is called just so: nothing', async (kind, value) => {
    const scope = { ...t.orderDraft().scope, targets: [{ kind, value }], broadTargetsOrdered: true };
    const body = orderBody({ ...t.orderDraft(), scope });
    const answer = await registrar.call('POST', '/v1/orders', { body });
    expect([201, 422]).toContain(answer.status);
    if (answer.status === 201) expect(await estimated(answer.body.orderId)).toBe(0);
  });
});

const injections = [
  `'; DROP TABLE traffic; --`,
  `' OR '1'='1`,
  `\\' OR 1=1 --`,
  `") OR 1=1 FORMAT TSV --`,
  `{p0:String}`,
  '\u0000\u0008\u001a',
];

describe('SQL', () => {
  it.each(injections)('as a target of each kind finds nothing and breaks nothing: %j', async (text) => {
    for (const kind of ['address', 'user', 'ip', 'host', 'messageId', 'domain', 'prefix']) {
      for (const value of [text, `alice${text}@example.nl`]) {
        const scope = { ...t.orderDraft().scope, targets: [{ kind, value }], broadTargetsOrdered: true };
        const body = orderBody({ ...t.orderDraft(), scope });
        const answer = await registrar.call('POST', '/v1/orders', { body });
        expect([201, 422], `${kind} ${value}`).toContain(answer.status);
        if (answer.status === 201) expect(await estimated(answer.body.orderId)).toBe(0);
      }
    }
  });

  it.each(injections)('in each text of an order is text, or refused: %j', async (text) => {
    const draft = t.orderDraft();
    const texts: object[] = [
      { regime: text },
      { type: text },
      { legalBasis: text },
      { dataCategory: text },
      { issuingState: text },
      { issuer: { ...draft.issuer, authority: text, fileReference: text, contact: text } },
      { validatedBy: { ...draft.validatedBy, name: text, reference: text } },
      { addressee: text },
      { offence: { provisions: text, threshold: text } },
      { emergency: { reasons: text } },
      { recipients: [{ ...draft.recipients?.[0], name: text }] },
      { recipients: [{ name: 'x', encryptionKey: text }] },
      { scope: { ...draft.scope, from: text } },
      { scope: { ...draft.scope, categories: [text] } },
      { issuedAt: text },
      { validUntil: text },
      { reportLanguage: text },
    ];
    for (const change of texts) {
      const body = orderBody({ ...draft, ...change });
      const answer = await registrar.call('POST', '/v1/orders', { body });
      expect([201, 422], Object.keys(change).join()).toContain(answer.status);
      if (answer.status === 201) expect(await estimated(answer.body.orderId)).toBe(1);
    }
  });

  it.each(injections)('in each text of another request is refused: %j', async (text) => {
    const orderId = await approvedFor([{ kind: 'address', value: 'alice@example.nl' }]);
    const target = { kind: 'address', value: 'alice@example.nl' };
    for (const body of [
      { orderId: text },
      { orderId, scope: { from: text } },
      { orderId, scope: { to: text } },
      { orderId, scope: { categories: [text] } },
      { orderId, scope: { targets: [{ ...target, kind: text }] } },
      { orderId, scope: { targets: [{ ...target, value: text }] } },
    ]) {
      const answer = await officer.call('POST', '/v1/disclosures', { body });
      expect([403, 422]).toContain(answer.status);
    }
    const { publicJwk } = officer.key;
    const whole = await t.enrolment(officer.key, 'a', 'a', 'officer');
    for (const name of Object.keys(whole)) {
      const body = { ...whole, [name]: name === 'publicKey' ? { ...publicJwk, x: text } : text };
      const answer = await t.administrator.call('POST', '/v1/credentials', { body });
      expect(answer.status, name).toBe(422);
    }
    const reason = await reviewer.call('POST', `/v1/orders/${orderId}/rejection`, { body: { reason: text } });
    expect(reason.status).toBe(422);
  });

  it('and what was stored is there', async () => {
    expect(await estimated(await approvedFor([{ kind: 'address', value: 'alice@example.nl' }]))).toBe(1);
    expect(await estimated(await approvedFor([{ kind: 'ip', value: '192.0.2.8' }]))).toBe(1);
  });
});

describe('an id is no path and no header', () => {
  const ids = [
    '..%2F..%2F..%2Fetc%2Fpasswd',
    '%2e%2e%2f%2e%2e%2fkeys',
    '..%5C..%5Ckeys',
    '%2Fetc%2Fpasswd',
    '..%00',
    '01890000-0000-7000-8000-000000000000%00',
    '01890000-0000-7000-8000-000000000000%2F..',
    '01890000-0000-7000-8000-00000000000G',
    '%0d%0aSet-Cookie:%20a=b',
    '%0aSet-Cookie:%20a=b',
    '%E5%98%8D%E5%98%8ASet-Cookie:a=b',
    '%C0%AE%C0%AE%C0%AF',
    '{{7*7}}',
    '$%7Bjndi:ldap:%2F%2Fmallory.example%7D',
  ];
  it.each(ids)('%s', async (id) => {
    for (const [person, path] of [
      [officer, `/v1/orders/${id}`],
      [officer, `/v1/orders/${id}/document`],
      [officer, `/v1/disclosures/${id}`],
      [officer, `/v1/disclosures/${id}/package`],
      [await t.enrol('auditor'), `/ledger/tile/entries/${id}`],
    ] as const) {
      const answer = await person.call('GET', path);
      expect(answer.status, path).toBeGreaterThanOrEqual(400);
      expect(answer.status, path).toBeLessThan(500);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(answer.bytes.toString()).not.toMatch(/root:|privateKey|AGE-SECRET/);
    }
    const answer = await t.anonymous('GET', `/ledger/tile/${id}`);
    expect([400, 404]).toContain(answer.status);
  });
});

describe('a body that grows when it is unpacked', () => {
  const zeros = Buffer.alloc(32 * 1024 * 1024);
  it.each([
    ['gzip', gzipSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
    ['deflate', deflateSync(zeros)],
    ['br', brotliCompressSync(zeros)],
  ])('as %s is not unpacked', async (coding, bytes) => {
    expect(bytes.length).toBeLessThan(64 * 1024);
    const proof = await officer.sign('POST', '/v1/disclosures', bytes);
    const answer = await t.service.app.inject({
      method: 'POST',
      url: '/v1/disclosures',
      headers: { 'griffie-proof': proof, 'content-type': 'application/json', 'content-encoding': coding },
      payload: bytes,
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'request.malformed_json']);
  });

  it('as JSON nested without end, or of very many members, is refused and the service goes on', async () => {
    const deep = Buffer.from('['.repeat(30_000) + ']'.repeat(30_000));
    const wide = Buffer.from(`{${Array.from({ length: 6_000 }, (_, i) => `"${i}":0`).join()}}`);
    for (const bytes of [deep, wide]) {
      const answer = await officer.call('POST', '/v1/disclosures', { bytes });
      expect([400, 422]).toContain(answer.status);
    }
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
  });
});
