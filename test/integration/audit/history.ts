import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLedger,
  createNoteSigner,
  decodeEntry,
  generateNoteKey,
  type LedgerEntry,
  type NoteSigner,
  verifyLog,
} from '#shared/ledger';
import { createTileDirectory, readTileDirectory } from '#shared/ledger-storage';
import { generateKey } from '#shared/signed-request';
import { testEvent } from '../../support/events.ts';
import { type Person, startTestService, type TestService } from '../../support/test-service.ts';

/** A ledger that the real service wrote while people did what they may and what they may not. */
export interface History {
  /** Holds `ledger` and `cases`. */
  readonly folder: string;
  readonly ledger: string;
  readonly cases: string;
  /** Master key of the case files. */
  readonly caseMasterKeys: string;
  readonly signer: NoteSigner;
  /** The checkpoint when the first disclosure was done, with the ledger as it was then. */
  readonly earlierLedger: string;
  readonly disclosureId: string;
  readonly orderId: string;
  path(name: string): string;
  remove(): void;
}

export async function makeHistory(): Promise<History> {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-audit-'));
  const path = (name: string): string => join(folder, name);
  const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  const storage = createTileDirectory(path('ledger'));
  const t = await startTestService({ storage, signer });
  try {
    const { disclosureId, orderId } = await actLawfully(t);
    copyLedger(path('ledger'), path('earlier'));
    await actUnlawfully(t, disclosureId, orderId);
    cpSync(join(t.folder, 'cases'), path('cases'), { recursive: true });
    return {
      folder,
      ledger: path('ledger'),
      cases: path('cases'),
      caseMasterKeys: t.caseMasterKeys,
      signer,
      earlierLedger: path('earlier'),
      disclosureId,
      orderId,
      path,
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
  } finally {
    await t.stop();
  }
}

async function actLawfully(t: TestService): Promise<{ disclosureId: string; orderId: string }> {
  await t.store.insertEvents([testEvent()], { deduplicationToken: 'a' });
  const orderId = await t.approvedOrder();
  const officer = await t.enrol('officer', 'the-officer');
  const requested = await officer.call('POST', '/v1/disclosures', {
    body: {
      orderId,
      scope: { targets: [{ kind: 'address', value: 'ALICE@example.nl' }], from: '2096-11-02T01:00:00+01:00' },
    },
  });
  const { disclosureId } = requested.body;
  await t.finished(officer, disclosureId);
  await expectStatus(officer.call('GET', `/v1/disclosures/${disclosureId}/package`), 200);
  const auditor = await t.enrol('auditor');
  await expectStatus(auditor.call('GET', '/v1/ledger/entries/0/5'), 200);
  await expectStatus(auditor.call('POST', '/v1/ledger/search', { body: { about: [orderId] } }), 200);
  await expectStatus(auditor.call('GET', '/v1/credentials'), 200);
  return { disclosureId, orderId };
}

/** One of every refusal that can be decided again, and some that cannot. */
async function actUnlawfully(t: TestService, disclosureId: string, orderId: string): Promise<void> {
  const registrar = await t.enrol('registrar', 'two-roles');
  const sameAsReviewer = await t.enrol('reviewer', 'two-roles');
  const reviewer = await t.enrol('reviewer');
  const officer = await t.enrol('officer', 'another-officer');
  const nobody = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
  const pending = await t.record(registrar);
  const ask = (by: Person, body: object, status: number) =>
    expectStatus(by.call('POST', '/v1/disclosures', { body }), status);

  await expectStatus(sameAsReviewer.call('POST', `/v1/orders/${pending}/approval`), 403);
  await expectStatus(reviewer.call('POST', `/v1/orders/${nobody}/approval`), 404);
  await ask(officer, { orderId: pending }, 403);
  await ask(officer, { orderId: nobody }, 404);
  const reject = { body: { reason: 'incomplete' } };
  await expectStatus(reviewer.call('POST', `/v1/orders/${pending}/rejection`, reject), 200);
  await expectStatus(reviewer.call('POST', `/v1/orders/${pending}/approval`), 409);
  await ask(officer, { orderId: pending }, 403);
  await ask(officer, { orderId, scope: { targets: [{ kind: 'address', value: 'carol@example.nl' }] } }, 403);
  await ask(officer, { orderId, scope: { from: '2096-10-01T00:00:00Z', to: '2096-09-01T00:00:00Z' } }, 403);
  await expectStatus(officer.call('GET', `/v1/disclosures/${disclosureId}`), 403);
  await expectStatus(officer.call('GET', `/v1/disclosures/${nobody}`), 404);
  await expectStatus(officer.call('POST', '/v1/orders', { body: {} }), 403);
  const proof = await reviewer.sign('GET', '/v1/orders');
  await expectStatus(reviewer.call('GET', '/v1/orders', { proof }), 200);
  await expectStatus(reviewer.call('GET', '/v1/orders', { proof }), 401);
  const other = Buffer.from('{"orderId":1}');
  await expectStatus(
    officer.call('POST', '/v1/disclosures', { bytes: other, signedBody: Buffer.from('{}') }),
    401,
  );
  await expectStatus(registrar.call('POST', '/v1/orders', { body: { order: {} } }), 422);
  const late = await reviewer.sign('GET', '/v1/orders');
  t.clock.advance(180_000);
  await expectStatus(reviewer.call('GET', '/v1/orders', { proof: late }), 401);
  const revocation = (thumbprint: string, status: number) =>
    expectStatus(
      t.administrator.call('POST', `/v1/credentials/${thumbprint}/revocation`, { body: { reason: 'left' } }),
      status,
    );
  await revocation(officer.key.kid, 200);
  await revocation(officer.key.kid, 409);
  await expectStatus(officer.call('GET', '/v1/orders'), 401);
  await changeHands(t);
  t.clock.set('2096-12-20T00:00:00.001Z');
  const last = await t.enrol('officer', 'the-officer');
  await ask(last, { orderId }, 403);
  await revocation(t.secondAdministrator.key.kid, 200);
  await revocation(t.administrator.key.kid, 409);
}

/** A credential is enrolled, confirmed and rotated, with what is refused in between. */
async function changeHands(t: TestService): Promise<void> {
  const [old, next] = [await generateKey('ES256'), await generateKey('ES256')];
  const newcomer = t.person(old, 'newcomer', 'officer');
  const body = await t.enrolment(old, 'newcomer', 'newcomer', 'officer');
  await expectStatus(t.administrator.call('POST', '/v1/credentials', { body }), 201);
  const confirm = (by: Person, role: string, status: number) =>
    expectStatus(
      by.call('POST', `/v1/credentials/${old.kid}/confirmation`, { body: { personId: 'newcomer', role } }),
      status,
    );
  await expectStatus(newcomer.call('GET', '/v1/orders'), 401);
  await confirm(t.administrator, 'officer', 403);
  await confirm(t.secondAdministrator, 'registrar', 409);
  await confirm(t.secondAdministrator, 'officer', 200);
  await confirm(t.secondAdministrator, 'officer', 409);
  const { credentialId, algorithm, publicKey, possession } = await t.enrolment(
    next,
    'newcomer-2',
    '',
    'officer',
  );
  const rotation = { body: { credentialId, algorithm, publicKey, possession } };
  await expectStatus(newcomer.call('POST', '/v1/credentials/rotation', rotation), 201);
  await expectStatus(newcomer.call('GET', '/v1/orders'), 401);
  await expectStatus(t.person(next, 'newcomer-2', 'officer').call('GET', '/v1/orders'), 200);
}

async function expectStatus(
  answer: Promise<{ status: number; body: unknown }>,
  status: number,
): Promise<void> {
  const { status: found, body } = await answer;
  if (found !== status) throw new Error(`answered ${found} instead of ${status}: ${JSON.stringify(body)}`);
}

export function copyLedger(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('lock') });
}

export async function entriesOf(ledger: string, signer: NoteSigner): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  await verifyLog(readTileDirectory(ledger), {
    verifiers: [signer.verifier],
    onEntries: (leaves) => void entries.push(...leaves.map(decodeEntry)),
  });
  return entries;
}

/** Writes a ledger anew with the operator's key, as who has it could. */
export async function writeAnew(
  ledger: string,
  entries: readonly LedgerEntry[],
  signer: NoteSigner,
): Promise<void> {
  const written = await createLedger({ storage: createTileDirectory(ledger), signer });
  for (let at = 0; at < entries.length; at += 256) await written.append(entries.slice(at, at + 256));
  await written.close();
}
