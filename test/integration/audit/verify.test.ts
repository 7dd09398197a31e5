import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, run } from '../../unit/cli/support.ts';
import { type History, makeHistory } from './history.ts';

describe('griffie audit verify, on a ledger that the service wrote,', () => {
  let history: History;
  let master: string;

  beforeAll(async () => {
    history = await makeHistory();
    master = history.path('case-master-keys.txt');
    writeFileSync(master, history.caseMasterKeys, { mode: 0o600 });
  });
  afterAll(() => history.remove());

  const verify = (...args: readonly string[]): Promise<Ran> =>
    run(['audit', 'verify', history.ledger, '--key', history.signer.verifier.vkey, '--json', ...args]);
  const gapsOf = (ran: Ran): string[] =>
    (ran.json().notChecked as { what: string }[]).map(({ what }) => what).sort();

  it('makes every decision again, and says which hang on case files', async () => {
    const ran = await verify();
    expect(ran.stderr).toBe('');
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ verified: true, complete: true, problems: [], caseFiles: false });
    expect(gapsOf(ran)).toEqual(['case_file', 'no_request', 'outside']);
    const { size, entriesReplayed, counts } = ran.json() as Record<string, never>;
    expect(entriesReplayed).toBe(size);
    expect(counts).toMatchObject({ 'disclosure.refused': 6, 'disclosure.released': 1 });
  });

  it('opens the case files where they are given, and leaves nothing of them unchecked', async () => {
    const without = (await verify()).json();
    const ran = await verify('--cases', history.cases, '--case-master', master);
    expect(ran.exitCode).toBe(0);
    expect(gapsOf(ran)).toEqual(['no_request', 'outside']);
    // Two orders, a request that was allowed, two that asked for too much.
    expect(ran.json().decisionsRemade).toBe(Number(without.decisionsRemade) + 5);
  });

  it('counts what could not be checked, with the entries, and says why', async () => {
    const { notChecked } = (await verify()).json() as {
      notChecked: { what: string; why: string; count: number; first: number[] }[];
    };
    const caseFiles = notChecked.find(({ what }) => what === 'case_file');
    expect(caseFiles?.count).toBe(5);
    expect(caseFiles?.first).toHaveLength(5);
    expect(caseFiles?.why).toContain('case file');
  });

  it('tells a person the same, and what to do for more', async () => {
    const ran = await run(['audit', 'verify', history.ledger, '--key', history.signer.verifier.vkey]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain('The ledger is verified.');
    expect(ran.stdout).toContain('5 entries (');
    expect(ran.stdout).toContain('--state');
  });

  describe('and on its case files', () => {
    const copy = (): string => {
      const cases = history.path('cases-copy');
      rmSync(cases, { recursive: true, force: true });
      cpSync(history.cases, cases, { recursive: true });
      return cases;
    };
    const orderFile = (cases: string, name: string): string => join(cases, history.orderId, `${name}.age`);
    const withCases = (cases: string): Promise<Ran> => verify('--cases', cases, '--case-master', master);
    const rulesOf = (ran: Ran): (string | undefined)[] => ran.error().problems?.map(({ rule }) => rule) ?? [];

    it('finds one that was changed, by the digest that the ledger holds', async () => {
      for (const name of ['order-v1', 'document-v1', 'request-v1', `request-${history.disclosureId}`]) {
        const cases = copy();
        const bytes = readFileSync(orderFile(cases, name));
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
        writeFileSync(orderFile(cases, name), bytes);
        const ran = await withCases(cases);
        expect({ name, exitCode: ran.exitCode, rules: new Set(rulesOf(ran)) }).toEqual({
          name,
          exitCode: 1,
          rules: new Set(['entry.case_file']),
        });
      }
    });

    it('finds two that were swapped', async () => {
      const cases = copy();
      const [one, two] = readdirSync(cases).map((order) => join(cases, order, 'order-v1.age'));
      const [first, second] = [readFileSync(one ?? ''), readFileSync(two ?? '')];
      writeFileSync(one ?? '', second);
      writeFileSync(two ?? '', first);
      const ran = await withCases(cases);
      expect(ran.exitCode).toBe(1);
      expect(new Set(rulesOf(ran))).toEqual(new Set(['entry.case_file']));
    });

    it('verifies without one that was erased, says so, and ends with a code of its own', async () => {
      const cases = copy();
      rmSync(join(cases, history.orderId), { recursive: true });
      const ran = await withCases(cases);
      expect(ran.exitCode).toBe(4);
      expect(ran.error().code).toBe('audit.incomplete');
      expect(ran.json()).toMatchObject({ verified: true, complete: false, problems: [] });
      expect(gapsOf(ran)).toContain('case_file_missing');
    });

    it.each([
      ['a folder without its identity', ['--cases', '.']],
      ['an identity without its folder', ['--case-identity', 'x']],
    ])('refuses %s', async (_, args) => {
      expect((await verify(...args)).exitCode).toBe(2);
    });
  });
});
