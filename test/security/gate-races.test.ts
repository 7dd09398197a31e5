import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

describe('of what is asked at the same time, the ledger’s order decides', () => {
  let t: TestService;
  let officer: Person;
  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
  });
  afterAll(() => t.stop());

  const kinds = async (from: number): Promise<string[]> =>
    (await t.entries()).slice(from).map(({ kind }) => kind);

  it('approvals and rejections: one decision', async () => {
    const orderId = await t.record(await t.enrol('registrar'));
    const reviewers = await Promise.all(Array.from({ length: 6 }, () => t.enrol('reviewer')));
    const before = t.ledger.checkpoint().size;
    const answers = await Promise.all(
      reviewers.map((reviewer, i) =>
        i % 2
          ? reviewer.call('POST', `/v1/orders/${orderId}/approval`)
          : reviewer.call('POST', `/v1/orders/${orderId}/rejection`, { body: { reason: 'other' } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    const recorded = await kinds(before);
    expect(recorded.filter((kind) => /^order\.(approved|rejected)$/.test(kind))).toHaveLength(1);
    expect(recorded.filter((kind) => kind === 'access.refused')).toHaveLength(5);
  });

  it('a revocation and requests: none of the requests comes after it', async () => {
    const orderId = await t.approvedOrder();
    const leaving = await t.enrol('officer');
    const before = t.ledger.checkpoint().size;
    const requests = Array.from({ length: 12 }, () =>
      leaving.call('POST', '/v1/disclosures', { body: { orderId } }),
    );
    const revocation = t.administrator.call('POST', `/v1/credentials/${leaving.key.kid}/revocation`, {
      body: { reason: 'left' },
    });
    const more = Array.from({ length: 12 }, () =>
      leaving.call('POST', '/v1/disclosures', { body: { orderId } }),
    );
    expect((await revocation).status).toBe(200);
    const answers = await Promise.all([...requests, ...more]);
    const recorded = (await kinds(before)).filter(
      (kind) => !['disclosure.released', 'access.granted'].includes(kind),
    );
    const revokedAt = recorded.indexOf('credential.revoked');
    expect(recorded.slice(revokedAt)).not.toContain('disclosure.requested');
    const accepted = answers.filter(({ status }) => status === 202).length;
    expect(recorded.filter((kind) => kind === 'disclosure.requested')).toHaveLength(accepted);
    for (const { status, body } of answers) if (status !== 202) expect(body.code).toBe('proof.key_revoked');
  });

  it('one proof, thirty times: once', async () => {
    const orderId = await t.approvedOrder();
    const body = Buffer.from(JSON.stringify({ orderId }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => officer.call('POST', '/v1/disclosures', { bytes: body, proof })),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ body: { code } }) => code === 'proof.replayed')).toHaveLength(29);
  });

  it('two administrators that revoke each other: one is left', async () => {
    const [one, other] = [t.administrator, t.secondAdministrator];
    const revoke = (by: Person, whom: Person) =>
      by.call('POST', `/v1/credentials/${whom.key.kid}/revocation`, { body: { reason: 'other' } });
    const answers = await Promise.all([revoke(one, other), revoke(other, one)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
    const left = answers[0]?.status === 200 ? one : other;
    expect((await revoke(left, left)).body.code).toBe('credential.last_administrator');
  });
});

describe('a captured request is worth nothing', () => {
  let t: TestService;
  let officer: Person;
  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
  });
  afterAll(() => t.stop());

  it('copies of a used one are a few entries, then counts: nobody fills the ledger in another’s name', async () => {
    const proof = await officer.sign('GET', '/v1/orders');
    expect((await officer.call('GET', '/v1/orders', { proof })).status).toBe(200);
    const before = t.ledger.checkpoint().size;
    for (let i = 0; i < 60; i++) {
      expect((await t.anonymous('GET', '/v1/orders', { proof })).body.code).toBe('proof.replayed');
    }
    const recorded = t.ledger.checkpoint().size - before;
    expect(recorded).toBeGreaterThan(0);
    expect(recorded).toBeLessThanOrEqual(8);
  });

  it('copies of an old one likewise, wherever they are sent', async () => {
    const proof = await officer.sign('GET', '/v1/orders');
    t.clock.advance(3_600_000);
    const before = t.ledger.checkpoint().size;
    for (let i = 0; i < 60; i++) {
      expect((await t.anonymous('GET', '/v1/orders', { proof })).status).toBe(401);
    }
    expect(t.ledger.checkpoint().size - before).toBeLessThanOrEqual(8);
  });

  it('one that was not used yet is not used up by a copy with another body', async () => {
    const orderId = await t.approvedOrder();
    const body = Buffer.from(JSON.stringify({ orderId }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    const altered = await t.anonymous('POST', '/v1/disclosures', { proof, body: { orderId, scope: {} } });
    expect(altered.body.code).toBe('proof.body');
    expect((await officer.call('POST', '/v1/disclosures', { bytes: body, proof })).status).toBe(202);
  });

  it('one whose head came in time and whose body waits until its use is forgotten', async () => {
    const port = await t.service.start({ host: '127.0.0.1', port: 0 });
    const orderId = await t.approvedOrder();
    const body = Buffer.from(JSON.stringify({ orderId }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    t.clock.advance(110_000);
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    const fields = ['Host: x', 'Content-Type: application/json', `Content-Length: ${body.length}`];
    socket.write(
      `${['POST /v1/disclosures HTTP/1.1', ...fields, `Griffie-Proof: ${proof}`].join('\r\n')}\r\n\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Its owner's copy is used in time; then its time is over, and another entry makes room.
    expect((await officer.call('POST', '/v1/disclosures', { bytes: body, proof })).status).toBe(202);
    t.clock.advance(15_000);
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
    socket.write(body);
    while (!received.includes('"code"')) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    expect(received).toContain('401 Unauthorized');
    expect(received).toContain('proof.stale');
    const requested = (await t.entries()).filter(({ kind }) => kind === 'disclosure.requested');
    expect(requested).toHaveLength(2);
  });
});

describe('times hold to the millisecond', () => {
  let t: TestService;
  beforeAll(async () => {
    t = await startTestService();
  });
  afterAll(() => t.stop());

  it('the validity of an order ends with its last instant', async () => {
    const officer = await t.enrol('officer');
    const orderId = await t.approvedOrder(t.orderDraft({ validUntil: '2096-11-20T12:00:00.000Z' }));
    t.clock.set('2096-11-20T12:00:00.000Z');
    expect((await officer.call('POST', '/v1/disclosures', { body: { orderId } })).status).toBe(202);
    t.clock.advance(1);
    const late = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    expect(late).toMatchObject({ status: 403, body: { code: 'order.expired' } });
    const reviewer = await t.enrol('reviewer');
    const waiting = await t.record(
      await t.enrol('registrar'),
      t.orderDraft({ validUntil: '2096-11-20T12:00:00.002Z' }),
    );
    t.clock.advance(2);
    const approval = await reviewer.call('POST', `/v1/orders/${waiting}/approval`);
    expect(approval).toMatchObject({ status: 403, body: { code: 'order.expired' } });
  });

  it.each([
    ['from', '2096-10-31T23:59:59.9999999Z'],
    ['from', '2096-11-01T00:59:59.999+01:00'],
    ['to', '2096-11-20T00:00:00.001000Z'],
    ['to', '2096-11-20T01:00:00.001+01:00'],
    ['to', '9999-12-31T23:59:59-01:00'],
  ])('a window with %s %s is outside by a hair', async (member, value) => {
    const officer = await t.enrol('officer');
    const orderId = await t.approvedOrder();
    const answer = await officer.call('POST', '/v1/disclosures', {
      body: { orderId, scope: { [member]: value } },
    });
    expect([403, 422]).toContain(answer.status);
    expect(['scope.window_not_in_order', 'request.invalid']).toContain(answer.body.code);
  });
});

describe('targets that look like the ordered one are others', () => {
  let t: TestService;
  let officer: Person;
  let approved: string;
  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
    approved = await t.approvedOrder();
  });
  afterAll(() => t.stop());

  it.each([
    ['a Cyrillic letter', 'аlice@example.nl'],
    ['a full-width letter', 'ａlice@example.nl'],
    ['a dotless i', 'alıce@example.nl'],
    ['a zero-width joiner', 'al\u200dice@example.nl'],
    ['a combining dot', 'ali\u0307ce@example.nl'],
    ['a soft hyphen', 'al\u00adice@example.nl'],
    ['a quoted form', '"alice"@example.nl'],
    ['a second at sign', 'alice@example.nl@example.com'],
    ['a route', '@relay.example:alice@example.nl'],
    ['a space', ' alice@example.nl'],
    ['a subaddress', 'alice+tag@example.nl'],
    ['a percent wildcard', 'alice%@example.nl'],
    ['an underscore wildcard', 'alic_@example.nl'],
    ['another domain below', 'alice@mail.example.nl'],
    ['another domain above', 'alice@nl'],
    ['a null character', 'alice\u0000@example.nl'],
    ['a quote for the query', "alice@example.nl' OR 1=1 --"],
  ])('%s', async (_name, value) => {
    const scope = { targets: [{ kind: 'address', value }] };
    const answer = await officer.call('POST', '/v1/disclosures', { body: { orderId: approved, scope } });
    expect([403, 422]).toContain(answer.status);
    expect(['scope.target_not_in_order', 'request.invalid']).toContain(answer.body.code);
  });

  it.each(['user', 'domain', 'host', 'messageId'] as const)(
    'the same value as another kind: %s',
    async (kind) => {
      const scope = { targets: [{ kind, value: kind === 'domain' ? 'example.nl' : 'alice@example.nl' }] };
      const answer = await officer.call('POST', '/v1/disclosures', { body: { orderId: approved, scope } });
      expect([403, 422]).toContain(answer.status);
    },
  );

  it('one ordered target does not carry another one along', async () => {
    const targets = [
      { kind: 'address', value: 'alice@example.nl' },
      { kind: 'address', value: 'carol@example.nl' },
    ];
    const answer = await officer.call('POST', '/v1/disclosures', {
      body: { orderId: approved, scope: { targets } },
    });
    expect(answer.body.code).toBe('scope.target_not_in_order');
  });

  it('an empty list is no way to say everything', async () => {
    for (const scope of [{ targets: [] }, { categories: [] }]) {
      const answer = await officer.call('POST', '/v1/disclosures', { body: { orderId: approved, scope } });
      expect(answer).toMatchObject({ status: 422, body: { code: 'request.invalid' } });
    }
  });
});
