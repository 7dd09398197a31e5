import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPackage } from '#shared/disclosure-package';
import { decodeEntry, parseReceipt, parseVerifierKey, verifyReceipt } from '#shared/ledger';
import { testEvent } from '../../support/events.ts';
import { type Person, startTestService, type TestService } from '../../support/test-service.ts';

describe('a disclosure, from the order to the opened package', () => {
  let t: TestService;
  let officer: Person;
  const inScope = [
    testEvent({ occurredAt: '2096-11-10T10:00:00.000Z' }),
    testEvent({ occurredAt: '2096-11-10T10:00:00.001Z', recipientAddress: 'Alice@example.nl' }),
    testEvent({
      type: 'session.login',
      service: 'imap',
      recipientUser: 'alice@example.nl',
      clientIp: '203.0.113.9',
      sessionId: 'abc',
      senderAddress: undefined,
      recipientAddress: undefined,
    }),
  ];
  const outOfScope = [
    testEvent({ recipientAddress: 'carol@example.nl' }),
    testEvent({ recipientAddress: 'alice+tag@example.nl' }),
    testEvent({ occurredAt: '2096-10-31T23:59:59.999Z' }),
    testEvent({ occurredAt: '2096-11-20T00:00:00.000Z' }),
    testEvent({ collectedAt: '2096-11-20T08:00:00.001Z' }),
  ];

  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
    await t.store.insertEvents([...inScope, ...outOfScope], { deduplicationToken: 'a' });
  });
  afterAll(() => t.stop());

  it('releases exactly the records in scope, signed, encrypted and announced in the ledger', async () => {
    const orderId = await t.approvedOrder();
    const requested = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    expect(requested.status).toBe(202);
    const { disclosureId } = requested.body;
    const done = await t.finished(officer, disclosureId);
    expect(done.body).toMatchObject({ status: 'Disclosed', records: inScope.length, ready: true });

    const fetched = await officer.call('GET', `/v1/disclosures/${disclosureId}/package`);
    expect(fetched.status).toBe(200);
    const folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
    const file = join(folder, 'package.tar');
    await writeFile(file, fetched.bytes);
    const opened = await readPackage({
      file,
      identities: [t.recipientIdentity],
      manifestKey: { kid: t.manifestKey.kid, jwk: t.manifestKey.publicJwk },
      outFolder: join(folder, 'opened'),
    });
    if (!opened.ok) throw new Error(opened.code);
    expect(opened.manifest).toMatchObject({ orderId, requestId: disclosureId, records: inScope.length });

    const lines = (await readFile(join(folder, 'opened/parts/0001.ndjson'), 'utf8')).trim().split('\n');
    const ids = lines.map((line) => JSON.parse(line).eventId);
    expect(ids.sort()).toEqual(inScope.map(({ eventId }) => eventId).sort());

    const receipt = opened.receipt.toString('utf8');
    const entryBytes = parseReceipt(receipt)?.extra ?? new Uint8Array();
    expect(verifyReceipt(receipt, entryBytes, [parseVerifierKey(t.ledgerKey)])).toMatchObject({ ok: true });
    const entry = decodeEntry(entryBytes);
    expect(entry).toMatchObject({
      kind: 'disclosure.released',
      details: {
        manifestSha256: opened.digests.encryptedManifest,
        origins: [{ source: 'test', from: '2096-11-10', records: [inScope.length] }],
      },
    });
  });

  it('gives only the fields of the categories that the order names', async () => {
    const draft = t.orderDraft();
    const scope = { ...draft.scope, categories: ['session' as const] };
    const orderId = await t.approvedOrder({ ...draft, scope });
    const { body } = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    const done = await t.finished(officer, body.disclosureId);
    expect(done.body.records).toBe(1);
  });

  it('narrows the scope where the request does', async () => {
    const orderId = await t.approvedOrder();
    const { body } = await officer.call('POST', '/v1/disclosures', {
      body: { orderId, scope: { from: '2096-11-10T10:00:00.001Z', to: '2096-11-10T10:00:00.002Z' } },
    });
    const done = await t.finished(officer, body.disclosureId);
    expect(done.body.records).toBe(1);
  });

  it('says so where nothing is found', async () => {
    const draft = t.orderDraft();
    const scope = { ...draft.scope, targets: [{ kind: 'user' as const, value: 'nobody' }] };
    const orderId = await t.approvedOrder({ ...draft, scope });
    const { body } = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    const done = await t.finished(officer, body.disclosureId);
    expect(done.body).toMatchObject({ status: 'DisclosureNotAvailable', records: 0, completeness: 'none' });
  });

  it('estimates in counts, without records', async () => {
    const orderId = await t.record(await t.enrol('registrar'));
    const answer = await (await t.enrol('reviewer')).call('GET', `/v1/orders/${orderId}/estimate`);
    expect(answer.body).toEqual({ counts: { 'message.delivered': 2, 'session.login': 1 }, total: 3 });
  });
});
