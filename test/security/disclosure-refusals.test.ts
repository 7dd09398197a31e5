import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testEvent } from '../support/events.ts';
import { createFillableStorage } from '../support/full-storage.ts';
import { orderBody, type Person, startTestService, type TestService } from '../support/test-service.ts';

/** Kinds and codes of what the ledger holds, from an index on. */
async function recordedSince(t: TestService, index: number): Promise<string[]> {
  const entries = await t.entries();
  return entries.slice(index).map(({ kind, details }) => {
    const codes = details.codes ?? details.code;
    return codes === undefined ? kind : `${kind} ${String(codes)}`;
  });
}

describe('nothing leaves without an order, and every refusal is on record', () => {
  let t: TestService;
  let registrar: Person;
  let reviewer: Person;
  let officer: Person;
  let approved: string;

  beforeAll(async () => {
    t = await startTestService();
    [registrar, reviewer, officer] = [
      await t.enrol('registrar'),
      await t.enrol('reviewer'),
      await t.enrol('officer'),
    ];
    approved = await t.approvedOrder();
    await t.store.insertEvents([testEvent()], { deduplicationToken: 'a' });
  });
  afterAll(() => t.stop());

  const request = (body: unknown, by: Person = officer) => by.call('POST', '/v1/disclosures', { body });

  it('unknown order', async () => {
    const before = t.ledger.checkpoint().size;
    const answer = await request({ orderId: '01890000-0000-7000-8000-000000000000' });
    expect(answer).toMatchObject({ status: 404, body: { code: 'order.unknown' } });
    expect(await recordedSince(t, before)).toEqual(['disclosure.refused order.unknown']);
  });

  it('order that nobody approved', async () => {
    const orderId = await t.record(registrar);
    const before = t.ledger.checkpoint().size;
    expect(await request({ orderId })).toMatchObject({ status: 403, body: { code: 'order.not_approved' } });
    expect(await recordedSince(t, before)).toEqual(['disclosure.refused order.not_approved']);
  });

  it('order that was rejected', async () => {
    const orderId = await t.record(registrar);
    const rejection = await reviewer.call('POST', `/v1/orders/${orderId}/rejection`, {
      body: { reason: 'disproportionate' },
    });
    expect(rejection).toMatchObject({ status: 200, body: { status: 'Rejected' } });
    expect(await request({ orderId })).toMatchObject({ status: 403, body: { code: 'order.rejected' } });
  });

  it('preservation order', async () => {
    const { recipients: _, ...rest } = t.orderDraft({ regime: 'EU_EPOC_PR', type: 'preserve' });
    const orderId = await t.approvedOrder(rest);
    expect(await request({ orderId })).toMatchObject({
      status: 403,
      body: { code: 'order.preservation_only' },
    });
  });

  it('own registration, also through a second credential of the same person', async () => {
    const first = await t.enrol('registrar', 'person-both');
    const second = await t.enrol('reviewer', 'person-both');
    const orderId = await t.record(first);
    const before = t.ledger.checkpoint().size;
    const answer = await second.call('POST', `/v1/orders/${orderId}/approval`);
    expect(answer).toMatchObject({ status: 403, body: { code: 'order.own_registration' } });
    expect(await recordedSince(t, before)).toEqual(['access.refused order.own_registration']);
  });

  it.each([
    [
      'another address',
      { targets: [{ kind: 'address', value: 'carol@example.nl' }] },
      'scope.target_not_in_order',
    ],
    ['its domain', { targets: [{ kind: 'domain', value: 'example.nl' }] }, 'scope.target_not_in_order'],
    [
      'its subaddresses',
      { targets: [{ kind: 'address', value: 'alice@example.nl', subaddresses: true }] },
      'scope.target_not_in_order',
    ],
    ['an earlier window', { from: '2096-10-31T23:59:59.999Z' }, 'scope.window_not_in_order'],
    ['a later window', { to: '2096-11-20T00:00:00.001Z' }, 'scope.window_not_in_order'],
    [
      'a reversed window',
      { from: '2096-11-03T00:00:00Z', to: '2096-11-02T00:00:00Z' },
      'scope.window_reversed',
    ],
  ])('scope widened to %s', async (_name, scope, code) => {
    const before = t.ledger.checkpoint().size;
    const answer = await request({ orderId: approved, scope });
    expect([403, 422]).toContain(answer.status);
    expect(answer.body.code).toBe(code);
    expect(await recordedSince(t, before)).toEqual([`disclosure.refused ${code}`]);
  });

  it('category that the order does not name', async () => {
    const draft = t.orderDraft();
    const orderId = await t.approvedOrder({ ...draft, scope: { ...draft.scope, categories: ['session'] } });
    const answer = await request({ orderId, scope: { categories: ['sender'] } });
    expect(answer).toMatchObject({ status: 403, body: { code: 'scope.category_not_in_order' } });
  });

  it('every other role', async () => {
    for (const other of [registrar, reviewer, t.administrator, await t.enrol('auditor')]) {
      const before = t.ledger.checkpoint().size;
      expect(await request({ orderId: approved }, other)).toMatchObject({
        status: 403,
        body: { code: 'access.role' },
      });
      expect(await recordedSince(t, before)).toEqual(['access.refused access.role']);
    }
  });

  it('a package that another officer asked for', async () => {
    const { body } = await request({ orderId: approved });
    await t.finished(officer, body.disclosureId);
    const other = await t.enrol('officer');
    for (const path of ['', '/package']) {
      const answer = await other.call('GET', `/v1/disclosures/${body.disclosureId}${path}`);
      expect(answer).toMatchObject({ status: 403, body: { code: 'disclosure.not_yours' } });
    }
  });

  it('an administrator reads neither orders nor records', async () => {
    for (const path of [`/v1/orders/${approved}`, `/v1/orders/${approved}/document`, '/v1/orders']) {
      expect(await t.administrator.call('GET', path)).toMatchObject({
        status: 403,
        body: { code: 'access.role' },
      });
    }
  });

  it('a request that was used before, one after the other and two at once', async () => {
    const body = Buffer.from(JSON.stringify({ orderId: approved }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    const call = () => officer.call('POST', '/v1/disclosures', { bytes: body, proof });
    const statuses = (await Promise.all([call(), call()])).map(({ status }) => status).sort();
    expect(statuses).toEqual([202, 401]);
    const before = t.ledger.checkpoint().size;
    expect(await call()).toMatchObject({ status: 401, body: { code: 'proof.replayed' } });
    expect(await recordedSince(t, before)).toContain('access.refused proof.replayed');
  });

  it('a request that was refused cannot be used again', async () => {
    const body = Buffer.from(JSON.stringify({ orderId: '01890000-0000-7000-8000-000000000000' }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    await officer.call('POST', '/v1/disclosures', { bytes: body, proof });
    const again = await officer.call('POST', '/v1/disclosures', { bytes: body, proof });
    expect(again).toMatchObject({ status: 401, body: { code: 'proof.replayed' } });
  });

  it('a body that was altered after signing', async () => {
    const signedBody = Buffer.from(JSON.stringify({ orderId: approved }));
    const bytes = Buffer.from(JSON.stringify({ orderId: approved, scope: {} }));
    const before = t.ledger.checkpoint().size;
    const answer = await officer.call('POST', '/v1/disclosures', { bytes, signedBody });
    expect(answer).toMatchObject({ status: 401, body: { code: 'proof.body' } });
    expect(await recordedSince(t, before)).toEqual(['access.refused proof.body']);
  });

  it('a signature for another path or method', async () => {
    const proof = await officer.sign('POST', '/v1/disclosures');
    const answer = await officer.call('GET', `/v1/orders/${approved}`, { proof });
    expect(answer).toMatchObject({ status: 401, body: { code: 'proof.method' } });
    const other = await officer.sign('GET', '/v1/orders');
    expect(await officer.call('GET', `/v1/orders/${approved}`, { proof: other })).toMatchObject({
      status: 401,
      body: { code: 'proof.url' },
    });
  });

  it('a request too old or from the future', async () => {
    const proof = await officer.sign('GET', '/v1/orders');
    t.clock.advance(121_000);
    expect((await officer.call('GET', '/v1/orders', { proof })).body.code).toBe('proof.stale');
    t.clock.advance(61_000);
    const early = await officer.sign('GET', '/v1/orders');
    t.clock.advance(-61_000);
    expect((await officer.call('GET', '/v1/orders', { proof: early })).body.code).toBe('proof.future');
  });

  it('a revoked key, in the same second', async () => {
    const gone = await t.enrol('officer');
    const proof = await gone.sign('GET', '/v1/orders');
    await t.administrator.call('POST', `/v1/credentials/${gone.key.kid}/revocation`, {
      body: { reason: 'lost' },
    });
    const before = t.ledger.checkpoint().size;
    expect(await gone.call('GET', '/v1/orders', { proof })).toMatchObject({
      status: 401,
      body: { code: 'proof.key_revoked' },
    });
    expect(await recordedSince(t, before)).toEqual(['access.refused proof.key_revoked']);
  });

  it('anonymous noise is counted, not recorded one by one', async () => {
    const before = t.ledger.checkpoint().size;
    const [header, claims] = (await officer.sign('GET', '/v1/orders')).split('.');
    const forged = (await reviewer.sign('GET', '/v1/orders')).split('.')[2];
    const proofs = [undefined, 'x', 'a.b.c', `${header}.${claims}.${forged}`];
    const answers = await Promise.all(
      proofs.map((proof) => t.anonymous('GET', '/v1/orders', proof ? { proof } : {})),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(t.ledger.checkpoint().size).toBe(before);
  });

  it('an order that has expired', async () => {
    const orderId = await t.approvedOrder(t.orderDraft({ validUntil: '2096-11-20T12:00:00.000Z' }));
    t.clock.set('2096-11-20T12:00:00.001Z');
    expect(await request({ orderId })).toMatchObject({ status: 403, body: { code: 'order.expired' } });
  });

  it('the last administrator cannot be revoked', async () => {
    const revoke = ({ key }: Person) =>
      t.administrator.call('POST', `/v1/credentials/${key.kid}/revocation`, { body: { reason: 'left' } });
    expect((await revoke(t.secondAdministrator)).status).toBe(200);
    const answer = await revoke(t.administrator);
    expect(answer).toMatchObject({ status: 409, body: { code: 'credential.last_administrator' } });
  });
});

describe('bad input is answered with a stable code, and nothing crashes', () => {
  let t: TestService;
  let registrar: Person;
  beforeAll(async () => {
    t = await startTestService();
    registrar = await t.enrol('registrar');
  });
  afterAll(() => t.stop());

  const post = (bytes: Buffer, contentType?: string) =>
    registrar.call('POST', '/v1/orders', { bytes, ...(contentType ? { contentType } : {}) });

  it.each([
    ['malformed JSON', Buffer.from('{"order":'), 'request.malformed_json', 400],
    ['a member twice', Buffer.from('{"order":{},"order":{}}'), 'request.malformed_json', 400],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'request.malformed_json', 400],
    ['nesting without end', Buffer.from('['.repeat(5000) + ']'.repeat(5000)), 'request.malformed_json', 400],
    ['an array', Buffer.from('[]'), 'request.invalid', 422],
    ['an unknown member', Buffer.from('{"order":{},"more":1}'), 'request.invalid', 422],
    ['a body too large', Buffer.alloc(12 * 1024 * 1024, 0x20), 'request.too_large', 413],
  ])('%s', async (_name, bytes, code, status) => {
    const answer = await post(bytes);
    expect(answer).toMatchObject({ status, body: { code, type: `urn:griffie:error:${code}`, status } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('another media type', async () => {
    expect(await post(Buffer.from('<x/>'), 'text/xml')).toMatchObject({
      status: 415,
      body: { code: 'request.media_type' },
    });
  });

  it('a path that is not there', async () => {
    expect(await registrar.call('GET', '/v1/nothing')).toMatchObject({
      status: 404,
      body: { code: 'request.not_found' },
    });
  });

  it('an order without anything names each missing member with its rule', async () => {
    const answer = await registrar.call('POST', '/v1/orders', { body: orderBody({ regime: 'NL_DOMESTIC' }) });
    expect(answer).toMatchObject({ status: 422, body: { code: 'order.invalid' } });
    const missing = answer.body.problems.map(({ path }) => path);
    expect(missing).toEqual(
      expect.arrayContaining([
        'type',
        'legalBasis',
        'issuer.authority',
        'scope.targets',
        'recipients',
        'validatedBy',
      ]),
    );
    for (const problem of answer.body.problems) {
      expect(problem.rule).toMatch(/^[a-z_]+\./);
      expect(problem.source).not.toBe('');
    }
  });

  it.each([
    ['address', 'nobody'],
    ['address', 'a@*.nl'],
    ['ip', '192.0.2.300'],
    ['ip', '0x7f.1'],
    ['host', 'mail example'],
    ['domain', 'nl'],
    ['prefix', '10.0.0.0/8'],
    ['prefix', '192.0.2.0'],
  ] as const)('a target that is none: %s %s', async (kind, value) => {
    const draft = t.orderDraft();
    const scope = { ...draft.scope, targets: [{ kind, value }], broadTargetsOrdered: true };
    const answer = await registrar.call('POST', '/v1/orders', { body: orderBody({ ...draft, scope }) });
    expect(answer).toMatchObject({ status: 422, body: { code: 'order.invalid' } });
    expect(answer.body.problems[0]).toMatchObject({ path: 'scope.targets.0', rule: 'order.target' });
    expect(JSON.stringify(answer.body)).not.toContain(value === 'nl' ? '"nl"' : value);
  });

  it('a window the wrong way round, a broad target that nobody ordered, the wrong legal basis', async () => {
    const draft = t.orderDraft();
    const scope = {
      ...draft.scope,
      targets: [{ kind: 'domain' as const, value: 'example.nl' }],
      from: '2096-11-20T00:00:00Z',
      to: '2096-11-01T00:00:00Z',
    };
    const answer = await registrar.call('POST', '/v1/orders', {
      body: orderBody({
        ...draft,
        scope,
        legalBasis: 'Sv 126na',
        issuer: { ...draft.issuer, role: 'judge' },
      }),
    });
    expect(answer.body.problems.map(({ rule }) => rule).sort()).toEqual(
      ['nl.126na', 'nl.issuer', 'order.broad_target', 'order.window'].sort(),
    );
  });

  it('a document that is not what it says', async () => {
    const body = { order: t.orderDraft(), document: { mediaType: 'application/pdf', content: 'AAAA' } };
    expect(await registrar.call('POST', '/v1/orders', { body })).toMatchObject({
      status: 422,
      body: { code: 'order.document' },
    });
  });

  it('each refusal to a known credential is an entry of its own', async () => {
    const kinds = (await t.entries()).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'access.refused').length).toBeGreaterThanOrEqual(15);
  });
});

describe('log first', () => {
  it('refusals that nobody can be held to are one entry, with counts by reason', async () => {
    const t = await startTestService();
    for (let i = 0; i < 20; i++) await t.anonymous('GET', '/v1/orders', { proof: 'a.b.c' });
    await t.anonymous('GET', '/v1/orders');
    const before = t.ledger.checkpoint().size;
    await t.service.close();
    const [noise, ...more] = (await t.entries()).slice(before);
    expect(more).toEqual([]);
    expect(noise).toMatchObject({
      kind: 'access.noise',
      details: {
        counts: expect.arrayContaining([
          { code: 'proof.malformed', count: 20 },
          { code: 'proof.missing', count: 1 },
        ]),
      },
    });
    await t.stop();
  });

  it('nothing is done and nothing leaves while the ledger cannot be written', async () => {
    const disk = createFillableStorage();
    const t = await startTestService({ storage: disk.storage });
    const officer = await t.enrol('officer');
    const orderId = await t.approvedOrder();
    const { body } = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    await t.finished(officer, body.disclosureId);
    const size = t.ledger.checkpoint().size;
    disk.fill();
    const unavailable = { status: 503, body: { code: 'ledger.unavailable' } };
    expect(await officer.call('GET', `/v1/disclosures/${body.disclosureId}/package`)).toMatchObject(
      unavailable,
    );
    expect(await officer.call('POST', '/v1/disclosures', { body: { orderId } })).toMatchObject(unavailable);
    const unknown = '01890000-0000-7000-8000-000000000000';
    expect(await officer.call('POST', '/v1/disclosures', { body: { orderId: unknown } })).toMatchObject(
      unavailable,
    );
    expect(t.ledger.checkpoint().size).toBe(size);
    disk.empty();
    expect(await officer.call('GET', `/v1/disclosures/${body.disclosureId}/package`)).toMatchObject({
      status: 200,
    });
    await t.stop();
  });
});
