import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiRecord, readCredential } from '#services/retention';
import { Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { exportPrivateJwk } from '#shared/signed-request';
import {
  audience,
  type Person,
  startTestService,
  type TestService,
  testStart,
} from '../../support/test-service.ts';

const runId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const day = { place: 'traffic', day: '2096-05-19', rows: 5, bytes: 50 };
const through = '2096-05-19';

describe('the retention service apart from the ledger', () => {
  let t: TestService;
  let person: Person;
  beforeAll(async () => {
    t = await startTestService();
    person = await t.enrol('retention');
  });
  afterAll(() => t.stop());

  const post = (who: Person, path: string, body: unknown) => who.call('POST', path, { body });

  it('writes by signed requests of its role, and by the rules', async () => {
    const policy = { version: 1, period: 'P6M', legalBasis: 'policy of the test' };
    expect((await post(person, '/v1/retention/policy', policy)).status).toBe(200);
    const again = await post(person, '/v1/retention/policy', policy);
    expect([again.status, again.body.code]).toEqual([409, 'retention.policy_version']);
    const begun = { runId, policyVersion: 1, through, days: [day] };
    expect((await post(person, '/v1/retention/runs', begun)).status).toBe(200);
    const certificate = {
      ...begun,
      goneAt: '2096-11-20T09:00:00.000Z',
      places: [{ place: 'traffic', outcome: 'gone' }],
      next: [],
    };
    const other = await post(person, '/v1/retention/certificates', { ...certificate, days: [] });
    expect([other.status, other.body.code]).toEqual([409, 'retention.run_differs']);
    expect((await post(person, '/v1/retention/certificates', certificate)).status).toBe(200);
    const alarm = { policyVersion: 1, through, left: [{ place: 'spool', items: 1 }] };
    expect((await post(person, '/v1/retention/alarms', alarm)).status).toBe(200);
    expect((await person.call('GET', '/v1/retention')).body).toMatchObject({
      openRun: null,
      lastCertificate: { id: runId, through },
      lastOverdue: { left: [{ place: 'spool', items: 1 }] },
    });
  });

  it.each(['administrator', 'registrar', 'reviewer', 'officer', 'auditor'] as const)(
    'and nobody else may, not even the %s',
    async (role) => {
      const who = await t.enrol(role);
      for (const path of ['policy', 'runs', 'certificates', 'alarms']) {
        const alarm = { policyVersion: 1, through, left: [{ place: 'spool', items: 1 }] };
        const answer = await post(who, `/v1/retention/${path}`, alarm);
        expect([401, 403, 422]).toContain(answer.status);
      }
      const before = (await t.entries()).filter(({ kind }) => kind === 'retention.overdue').length;
      expect(before).toBe(1);
    },
  );

  it('may do nothing else', async () => {
    for (const path of ['/v1/orders', '/v1/credentials', '/v1/ledger/entries/0/1']) {
      expect((await person.call('GET', path)).status).toBe(403);
    }
  });

  it('confirms no clock by its own signature', async () => {
    const { body } = await person.call('GET', '/v1/retention');
    const before = Number((body as unknown as { signedSize: number }).signedSize);
    const after = await person.call('GET', '/v1/retention');
    expect((after.body as unknown as { signedSize: number }).signedSize).toBe(before);
    const auditor = await t.enrol('auditor');
    await auditor.call('GET', '/v1/retention');
    const last = await person.call('GET', '/v1/retention');
    expect((last.body as unknown as { signedSize: number }).signedSize).toBeGreaterThan(before);
  });

  it('places, copies and ends what orders hold', async () => {
    const registrar = await t.enrol('registrar');
    const orderId = await t.record(registrar);
    const post = (name: string, body: object) =>
      person.call('POST', `/v1/retention/holds/${orderId}/${name}`, { body });
    const { body: listed } = await person.call('GET', '/v1/retention/holds');
    expect(listed.items).toMatchObject([{ orderId, version: 1, copied: false, over: null, ended: null }]);
    expect((await person.call('GET', `/v1/retention/holds/${orderId}/scope`)).body).toMatchObject({
      version: 1,
      scope: { targets: [{ kind: 'address', value: 'alice@example.nl' }] },
    });
    expect((await post('copied', { records: 2 })).status).toBe(200);
    const end = { reason: 'order_over', records: 2, bytes: 20 };
    expect((await post('ended', end)).body.code).toBe('hold.in_force');
    const reason = 'withdrawn';
    await registrar.call('POST', `/v1/orders/${orderId}/revocation`, { body: { reason } });
    const scope = await person.call('GET', `/v1/retention/holds/${orderId}/scope`);
    expect(scope.body.code).toBe('hold.none');
    expect((await post('deleted', { records: 2, bytes: 20, goneAt: testStart })).body.code).toBe(
      'hold.differs',
    );
    expect((await post('ended', end)).status).toBe(200);
    expect((await post('deleted', { records: 2, bytes: 20, goneAt: testStart })).status).toBe(200);
    expect((await person.call('GET', '/v1/retention/holds')).body.items).toEqual([]);
  });

  it('leaves entries whose signatures and bodies an auditor verifies', async () => {
    const replay = new Replay();
    const leaves: Uint8Array[] = [];
    for await (const { entry } of t.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    expect(replay.report().problems).toEqual([]);
    expect(replay.report().gaps.body).toBeUndefined();
  });

  it('sends what it signed over the network, and tells a refusal by its code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-retention-'));
    const port = await t.service.start({ host: '127.0.0.1', port: 0 });
    const file = join(folder, 'credential.json');
    const credential = {
      credentialId: person.credentialId,
      service: audience,
      algorithm: person.key.alg,
      thumbprint: person.key.kid,
      privateKey: await exportPrivateJwk(person.key),
    };
    await writeFile(file, JSON.stringify(credential), { mode: 0o600 });
    const read = await readCredential(file);
    // Behind a proxy: what is signed is for the public URL, what is called is this port.
    const record = createApiRecord({
      credential: read,
      clock: t.clock,
      connectTo: `http://127.0.0.1:${port}`,
    });
    expect(await record.view()).toMatchObject({ policy: { version: 1 }, lastCertificate: { through } });
    await record.append({
      kind: 'retention.configured',
      details: { version: 2, period: 'P5M', legalBasis: 'another policy' },
    });
    await expect(
      record.append({
        kind: 'retention.configured',
        details: { version: 2, period: 'P4M', legalBasis: 'another policy' },
      }),
    ).rejects.toMatchObject({ code: 'retention.policy_version' });
    expect((await record.view()).policy).toMatchObject({ version: 2, period: 'P5M' });
    await writeFile(file, '{}', { mode: 0o600 });
    await expect(readCredential(file)).rejects.toMatchObject({ code: 'config.credential' });
    await rm(folder, { recursive: true, force: true });
  });
});
