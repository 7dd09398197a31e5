import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNoteSigner, generateNoteKey } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { orderSteps, outcomeOf } from '../../support/order-steps.ts';
import { type Person, startTestService, type TestService } from '../../support/test-service.ts';
import { type Ran, run } from '../../unit/cli/support.ts';
import { entriesOf, writeAnew } from '../audit/history.ts';

const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());

describe('the case of an order', () => {
  let t: TestService;
  let folder: string;
  let registrar: Person;
  let reviewer: Person;
  let orderId: string;
  const path = (name: string): string => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-erasure-'));
    t = await startTestService({ storage: createTileDirectory(path('ledger')), signer });
    registrar = await t.enrol('registrar', 'the-registrar');
    reviewer = await t.enrol('reviewer', 'the-reviewer');
    orderId = await t.record(registrar);
  });
  afterEach(async () => {
    await t.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const caseFolder = (id = orderId): string => join(t.folder, 'cases', id);
  const erase = (by: Person, id = orderId) =>
    by.call('POST', `/v1/orders/${id}/erasure`, { body: { reason: 'period_over' } });
  const end = (): void => t.clock.set('2096-12-20T00:00:00.001Z');
  async function verify(ledger = path('ledger')): Promise<Ran> {
    cpSync(join(t.folder, 'cases'), path('cases'), { recursive: true });
    writeFileSync(path('master.txt'), t.caseMasterKeys, { mode: 0o600 });
    const args = ['--cases', path('cases'), '--case-master', path('master.txt')];
    return run(['audit', 'verify', ledger, '--key', signer.verifier.vkey, '--json', ...args]);
  }
  const gapsOf = (ran: Ran): Record<string, number> =>
    Object.fromEntries(
      (ran.json().notChecked as { what: string; count: number }[]).map(({ what, count }) => [what, count]),
    );

  it('stays while the order is in force, and goes once it has ended', async () => {
    expect((await erase(reviewer)).body.code).toBe('order.in_force');
    await reviewer.call('POST', `/v1/orders/${orderId}/approval`);
    expect((await erase(reviewer)).body.code).toBe('order.in_force');
    expect(readdirSync(caseFolder())).toContain('case-key.json');
    end();
    const erased = await erase(reviewer);
    expect(erased.body).toEqual({ orderId, erasedAt: '2096-12-20T00:00:00.001Z', gone: true });
    expect(existsSync(caseFolder())).toBe(false);
    const last = (await t.entries()).at(-1);
    expect(last).toMatchObject({ kind: 'case.erased', details: { reason: 'period_over' } });
    expect(last?.evidence).toMatch(/^ey/);
  });

  it('goes by another person than the one who recorded it, a reviewer, and once', async () => {
    end();
    const sameHand = await t.enrol('reviewer', 'the-registrar');
    expect((await erase(sameHand)).body.code).toBe('order.own_registration');
    expect((await erase(registrar)).body.code).toBe('access.role');
    expect((await erase(reviewer, '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e')).body.code).toBe('order.unknown');
    expect((await erase(reviewer)).status).toBe(200);
    expect((await erase(reviewer)).body.code).toBe('order.erased');
  });

  it('is answered for as erased afterwards, and nothing is kept of it anew', async () => {
    end();
    const other = await t.record(registrar, t.orderDraft({ validUntil: '2097-01-20T00:00:00.000Z' }));
    await erase(reviewer);
    for (const end of ['', '/document', '/estimate']) {
      const answer = await reviewer.call('GET', `/v1/orders/${orderId}${end}`);
      expect({ end, status: answer.status, code: answer.body.code }).toEqual({
        end,
        status: 410,
        code: 'order.erased',
      });
    }
    const officer = await t.enrol('officer');
    const asked = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
    expect(asked.body.code).toBe('order.erased');
    expect(readdirSync(join(t.folder, 'cases'))).toEqual([other]);
    const listed = await reviewer.call('GET', '/v1/orders');
    expect(listed.body.items.find((item) => item.orderId === orderId)).toHaveProperty('erasedAt');
    const ran = await verify();
    expect({ exitCode: ran.exitCode, problems: ran.json().problems }).toEqual({ exitCode: 0, problems: [] });
    expect(gapsOf(ran)).toMatchObject({ case_file_erased: 1 });
    expect(gapsOf(ran)).not.toHaveProperty('outside');
  });

  it('ends everything about its order: no step is taken, no alarm raised, no key made anew', async () => {
    end();
    await erase(reviewer);
    const { take, amend } = orderSteps(orderId);
    const longer = t.orderDraft({ validUntil: '2097-01-20T00:00:00.000Z' });
    const version = 1;
    const [receivedAt, grounds] = ['2096-12-19T00:00:00.000Z', ['nothing']];
    const answers = {
      amendment: await amend(registrar, version, longer),
      approval: await take(reviewer, 'approval'),
      rejection: await take(reviewer, 'rejection', { reason: 'other' }),
      suspension: await take(reviewer, 'suspension', { reason: 'other' }),
      resumption: await take(reviewer, 'resumption', { version }),
      revocation: await take(reviewer, 'revocation', { reason: 'withdrawn' }),
      clarification: await take(reviewer, 'clarification', { version, grounds }),
      clarified: await take(reviewer, 'clarification-answer', { receivedAt }),
      notification: await take(reviewer, 'notification-answer', {
        ...{ version, answer: 'objection', grounds, receivedAt },
      }),
      followUp: await take(reviewer, 'follow-up', { version, followUp: 'order' }),
    };
    for (const [step, answer] of Object.entries(answers)) {
      expect({ step, outcome: outcomeOf(answer) }).toEqual({ step, outcome: 'order.erased' });
    }
    const { size } = t.ledger.checkpoint();
    await t.service.watchOrders();
    expect(t.ledger.checkpoint().size).toBe(size);
    expect(existsSync(caseFolder())).toBe(false);
    const ran = await verify();
    expect({ exitCode: ran.exitCode, problems: ran.json().problems }).toEqual({ exitCode: 0, problems: [] });
    expect(gapsOf(ran)).toEqual({ case_file_erased: 1 });
  });

  it('goes by nobody who wrote any version of the order', async () => {
    const other = await t.enrol('registrar', 'who-amended');
    await orderSteps(orderId).amend(other, 1, t.orderDraft());
    end();
    expect((await erase(await t.enrol('reviewer', 'who-amended'))).body.code).toBe('order.own_registration');
    expect((await erase(await t.enrol('reviewer', 'the-registrar'))).body.code).toBe(
      'order.own_registration',
    );
    expect((await erase(reviewer)).status).toBe(200);
  });

  it('goes where its order was withdrawn, and waits where it is suspended only', async () => {
    const { take } = orderSteps(orderId);
    await take(reviewer, 'suspension', { reason: 'other' });
    expect((await erase(reviewer)).body.code).toBe('order.in_force');
    await take(reviewer, 'revocation', { reason: 'withdrawn' });
    expect((await erase(reviewer)).body).toMatchObject({ gone: true });
  });

  it('takes no package with it that was released in time', async () => {
    await orderSteps(orderId).take(reviewer, 'approval');
    const officer = await t.enrol('officer');
    const { body } = await orderSteps(orderId).request(officer);
    await t.finished(officer, body.disclosureId);
    end();
    await erase(reviewer);
    const fetched = await officer.call('GET', `/v1/disclosures/${body.disclosureId}/package`);
    expect(fetched.status).toBe(200);
    expect((await verify()).exitCode).toBe(0);
  });

  it('is told apart by the verification: erased, lost, or there although it was erased', async () => {
    end();
    const lost = await t.record(registrar, t.orderDraft({ validUntil: '2097-01-20T00:00:00.000Z' }));
    cpSync(caseFolder(), path('kept'), { recursive: true });
    await erase(reviewer);
    expect(gapsOf(await verify())).toEqual({ case_file_erased: 1 });
    rmSync(caseFolder(lost), { recursive: true });
    rmSync(path('cases'), { recursive: true });
    const ran = await verify();
    expect(ran.exitCode).toBe(4);
    expect(gapsOf(ran)).toEqual({ case_file_erased: 1, case_file_missing: 1 });
    cpSync(path('kept'), caseFolder(), { recursive: true });
    const back = await verify();
    expect(back.exitCode).toBe(4);
    expect(gapsOf(back)).toEqual({ case_file_not_erased: 1, case_file_missing: 1 });
  });

  it('goes at the next start where a crash or a backup left it there', async () => {
    end();
    cpSync(caseFolder(), path('kept'), { recursive: true });
    await erase(reviewer);
    cpSync(path('kept'), caseFolder(), { recursive: true });
    await t.service.start({ host: '127.0.0.1', port: 0 });
    expect(existsSync(caseFolder())).toBe(false);
  });

  it('cannot be shown as erased against the rules by whoever has the ledger key', async () => {
    end();
    await erase(reviewer);
    const entries = await entriesOf(path('ledger'), signer);
    const erasure = entries.at(-1);
    if (erasure === undefined) throw new Error('no entry');
    for (const [name, forged] of Object.entries({
      again: [...entries, { ...erasure, id: '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e' }],
      unsigned: entries.with(-1, { ...erasure, evidence: undefined }),
      'for another reason': entries.with(-1, { ...erasure, details: { reason: 'ordered' } }),
      'while in force': entries.with(-1, { ...erasure, at: '2096-11-20T09:00:00.001Z' }),
    })) {
      await writeAnew(path(`forged-${name}`), forged, signer);
      const ran = await verify(path(`forged-${name}`));
      expect({ name, exitCode: ran.exitCode }).toEqual({
        name,
        exitCode: name === 'for another reason' ? 4 : 1,
      });
    }
  });
});
