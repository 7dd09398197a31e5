import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMasterKey, readCaseKey } from '#shared/case-files';
import type { LedgerEntry } from '#shared/ledger';
import { entriesOf, type History, makeHistory, writeAnew } from '../integration/audit/history.ts';
import { type Ran, run } from '../unit/cli/support.ts';

/*
 * The strongest forger: who has the ledger's key and the key of the case files, rewrites an order or a
 * request, commits to the new file, and signs everything anew. What such a person lacks is the keys of the
 * people who signed.
 */

let history: History;
let entries: LedgerEntry[];
let master: string;
let forgeries = 0;

beforeAll(async () => {
  history = await makeHistory();
  entries = await entriesOf(history.ledger, history.signer);
  master = history.path('case-master-keys.txt');
  writeFileSync(master, history.caseMasterKeys, { mode: 0o600 });
});
afterAll(() => history.remove());

interface Forgery {
  readonly kind: string;
  /** Case file, its name in the entry's commitments, and what becomes of it. */
  readonly file: string;
  readonly commitment: string;
  change?(content: string): string;
  details?(details: LedgerEntry['details']): LedgerEntry['details'];
}

/** Forges one case file of the first order, and the ledger to fit. */
async function forge({
  kind,
  file,
  commitment,
  change = (c) => c,
  details = (d) => d,
}: Forgery): Promise<Ran> {
  const cases = history.path(`cases-${++forgeries}`);
  rmSync(cases, { recursive: true, force: true });
  cpSync(history.cases, cases, { recursive: true });
  const path = join(cases, history.orderId, `${file}.age`);
  const decrypter = new Decrypter();
  const key = await readCaseKey(cases, history.orderId, createMasterKey(history.caseMasterKeys));
  decrypter.addIdentity(key);
  const opened = await decrypter.decrypt(readFileSync(path));
  const [salt, content] = [opened.subarray(0, 32), Buffer.from(opened.subarray(32)).toString('utf8')];
  const forged = change(content);
  const bytes = Buffer.concat([salt, Buffer.from(forged)]);
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(key));
  writeFileSync(path, await encrypter.encrypt(bytes));
  const digest = createHash('sha256').update(bytes).digest('hex');
  const at = entries.findIndex((entry) => entry.kind === kind && isOfOrder(entry));
  const original = entries[at] ?? ({} as LedgerEntry);
  const entry = {
    ...original,
    commitments: { ...original.commitments, [commitment]: digest },
    details: details(original.details),
  };
  expect(entry).not.toEqual(original);
  const ledger = history.path(`ledger-${forgeries}`);
  await writeAnew(ledger, entries.with(at, entry), history.signer);
  const args = ['audit', 'verify', ledger, '--key', history.signer.verifier.vkey, '--json'];
  // Without the case files nothing of this can be seen, and the report says that they were not looked at.
  const without = await run(args);
  expect(without.exitCode).toBe(0);
  expect(without.json().notChecked).toContainEqual(expect.objectContaining({ what: 'case_file' }));
  return run([...args, '--cases', cases, '--case-master', master]);
}

const isOfOrder = ({ subject, details }: LedgerEntry): boolean =>
  subject === history.orderId || details.orderId === history.orderId;
const sentencesOf = (ran: Ran): string[] => {
  expect(ran.exitCode).toBe(1);
  expect(new Set(ran.error().problems?.map(({ rule }) => rule))).toEqual(new Set(['entry.case_file']));
  return ran.error().problems?.map(({ sentence }) => sentence.replace(/^Entry \d+ /, '')) ?? [];
};

describe('who has every key of the service, but nobody’s own,', () => {
  it('cannot widen an order: it is not the one that the registrar signed', async () => {
    const ran = await forge({
      kind: 'order.recorded',
      file: 'order-v1',
      commitment: 'order',
      change: (content) => content.replace('alice@example.nl', 'carol@example.nl'),
    });
    expect(sentencesOf(ran)).toContain('keeps another order than the one that was signed.');
  });

  it('cannot exchange the document', async () => {
    const ran = await forge({
      kind: 'order.recorded',
      file: 'document-v1',
      commitment: 'document',
      change: (content) => content.replace('the order', 'an order!'),
    });
    expect(sentencesOf(ran)).toEqual(['keeps another document than the one that was signed.']);
  });

  it('cannot exchange the request that recorded it', async () => {
    const ran = await forge({
      kind: 'order.recorded',
      file: 'request-v1',
      commitment: 'request',
      change: (content) => content.replace('Parket', 'Kantoor'),
    });
    expect(sentencesOf(ran)).toEqual(['keeps another request than the one that was signed.']);
  });

  it('cannot write of an order what it does not say', async () => {
    const ran = await forge({
      kind: 'order.recorded',
      file: 'order-v1',
      commitment: 'order',
      details: (details) => ({ ...details, targetCount: 2 }),
    });
    expect(sentencesOf(ran)).toEqual(['says something else of its order than the order does.']);
  });

  it('cannot widen what an officer asked for', async () => {
    const ran = await forge({
      kind: 'disclosure.requested',
      file: `request-${history.disclosureId}`,
      commitment: 'request',
      change: (content) => {
        const file: { scope: { from: string } } = JSON.parse(content);
        return JSON.stringify({ ...file, scope: { ...file.scope, from: '2096-11-01T00:00:00.000Z' } });
      },
    });
    expect(sentencesOf(ran)).toEqual(['keeps another scope than the rules come to.']);
  });

  it('cannot put another request under an officer’s signature', async () => {
    const ran = await forge({
      kind: 'disclosure.requested',
      file: `request-${history.disclosureId}`,
      commitment: 'request',
      change: (content) => {
        const file: { body: string } = JSON.parse(content);
        const body = Buffer.from(file.body, 'base64').toString('utf8').replace('2096-11-02', '2096-11-01');
        return JSON.stringify({ ...file, body: Buffer.from(body).toString('base64') });
      },
    });
    expect(sentencesOf(ran)).toEqual(['keeps another request than the one that was signed.']);
  });
});
