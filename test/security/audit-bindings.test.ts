import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replay, type ReplayReport } from '#shared/control';
import { encodeEntry, type LedgerEntry } from '#shared/ledger';
import { entriesOf, type History, makeHistory } from '../integration/audit/history.ts';

/*
 * What holds an entry in its place, entry by entry, against somebody who has the ledger's key and can write
 * every tree, tile and checkpoint anew: the signed requests and the replay alone.
 */

let history: History;
let entries: LedgerEntry[];

beforeAll(async () => {
  history = await makeHistory();
  entries = await entriesOf(history.ledger, history.signer);
});
afterAll(() => history.remove());

async function replay(changed: readonly LedgerEntry[]): Promise<ReplayReport> {
  const run = new Replay();
  await run.take(changed.map(encodeEntry), 0);
  return run.report();
}
const withEntry = (index: number, change: Partial<LedgerEntry>): LedgerEntry[] =>
  entries.map((entry, i) => (i === index ? ({ ...entry, ...change } as LedgerEntry) : entry));
const signedIndexes = (): number[] =>
  entries.flatMap(({ evidence }, index) => (evidence === undefined ? [] : [index]));
/** Indexes for which a change was not found. */
async function unnoticed(
  indexes: readonly number[],
  change: (entry: LedgerEntry, index: number) => Partial<LedgerEntry> | null,
): Promise<number[]> {
  const missed: number[] = [];
  for (const index of indexes) {
    const entry = entries[index];
    const changed = entry && change(entry, index);
    if (changed && (await replay(withEntry(index, changed))).problems.length === 0) missed.push(index);
  }
  return missed;
}

describe('on every entry that somebody signed', () => {
  it('the ledger as it was written is without a fault', async () => {
    const report = await replay(entries);
    expect(report.problems).toEqual([]);
    expect(report.signaturesVerified).toBe(signedIndexes().length);
    expect(signedIndexes().length).toBeGreaterThan(30);
  });

  it('another actor is found', async () => {
    const actors = [...new Map(entries.map(({ actor }) => [JSON.stringify(actor), actor])).values()];
    const missed = await unnoticed(signedIndexes(), ({ actor }, index) => {
      const others = actors.filter((other) => JSON.stringify(other) !== JSON.stringify(actor));
      return { actor: others[index % others.length] ?? actor };
    });
    expect(missed).toEqual([]);
  });

  it("another entry's request is found", async () => {
    const missed = await unnoticed(signedIndexes(), ({ evidence }, index) => {
      const at = signedIndexes().indexOf(index);
      const other = entries[signedIndexes()[at === 0 ? 1 : at - 1] ?? 0];
      // A replayed request is the same as the one before it.
      return other?.evidence === undefined || other.evidence === evidence
        ? null
        : { evidence: other.evidence };
    });
    expect(missed).toEqual([]);
  });

  it('a request with another signature is found', async () => {
    const missed = await unnoticed(signedIndexes(), ({ evidence = '' }) => {
      const at = evidence.length - 20;
      const other = evidence[at] === 'A' ? 'B' : 'A';
      return { evidence: `${evidence.slice(0, at)}${other}${evidence.slice(at + 1)}` };
    });
    expect(missed).toEqual([]);
  });

  it('a lost request is found, but on refusals, which may be without one', async () => {
    const missed: number[] = [];
    for (const index of signedIndexes()) {
      const { evidence: _, ...rest } = entries[index] ?? entries[0] ?? ({} as LedgerEntry);
      const changed = entries.map((entry, i) => (i === index ? (rest as LedgerEntry) : entry));
      if ((await replay(changed)).problems.length === 0) missed.push(index);
    }
    const kinds = new Set(missed.map((index) => entries[index]?.kind));
    expect([...kinds].filter((kind) => kind !== 'access.refused')).toEqual([]);
  });

  it('another time, beyond what a signed request allows, is found', async () => {
    for (const minutes of [-10, 10]) {
      const missed = await unnoticed(
        signedIndexes().filter((index) => minutes < 0 || entries[index]?.kind !== 'access.refused'),
        ({ at }) => ({ at: new Date(Date.parse(at) + minutes * 60_000).toISOString() }),
      );
      expect(missed).toEqual([]);
    }
  });

  it('another order, credential or disclosure in the place of the one in the URL is found', async () => {
    const named = signedIndexes().filter((index) =>
      ['order.approved', 'order.rejected', 'credential.revoked', 'disclosure.collected'].includes(
        entries[index]?.kind ?? '',
      ),
    );
    expect(named.length).toBeGreaterThan(3);
    const missed = await unnoticed(named, ({ subject }) => ({
      subject: subject?.includes('-') ? '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e' : 'A'.repeat(43),
    }));
    expect(missed).toEqual([]);
  });

  it('another route or reason is found wherever the entry has its request', async () => {
    const readings = signedIndexes().filter((index) => entries[index]?.kind === 'access.granted');
    expect(readings.length).toBeGreaterThan(4);
    const missed = await unnoticed(readings, ({ details }) => ({
      details: { route: details.route === 'GET /v1/orders' ? 'GET /v1/credentials' : 'GET /v1/orders' },
    }));
    expect(missed).toEqual([]);
  });
});

describe('on what the service itself writes', () => {
  it('a package without its request, or a second one, is found', async () => {
    const released = entries.findIndex(({ kind }) => kind === 'disclosure.released');
    const requested = entries.findIndex(({ kind }) => kind === 'disclosure.requested');
    expect((await replay(entries.toSpliced(requested, 1))).problems).not.toEqual([]);
    const again = entries[released] ?? ({} as LedgerEntry);
    expect((await replay(entries.toSpliced(released + 1, 0, again))).problems).not.toEqual([]);
    // A collection says that there was a package.
    expect((await replay(entries.toSpliced(released, 1))).problems).not.toEqual([]);
  });

  it('nothing is replayed behind an entry that could not follow', async () => {
    const approved = entries.findIndex(({ kind }) => kind === 'order.approved');
    const twice = entries.toSpliced(approved + 1, 0, entries[approved] ?? ({} as LedgerEntry));
    const { entries: replayed, problems } = await replay(twice);
    expect(replayed).toBe(approved + 1);
    expect(problems).toEqual([expect.objectContaining({ code: 'entry.impossible', index: approved + 1 })]);
  });

  it('a bundle that is lost ends the replay there, and no sooner', async () => {
    const run = new Replay();
    await run.take(entries.slice(0, 5).map(encodeEntry), 0);
    await run.take(entries.slice(6).map(encodeEntry), 6);
    expect(run.report().entries).toBe(5);
  });
});
