import { expect, it } from 'vitest';
import {
  encodeEntry,
  type Ledger,
  type LedgerReader,
  type NoteVerifier,
  verifyConsistency,
  verifyLog,
  verifyReceipt,
} from '#shared/ledger';
import { entriesOf, entryOf } from '../../support/ledger-entries.ts';

/** A ledger that can be closed and opened again, with the public files that belong to it. */
export interface LedgerUnderTest {
  readonly verifier: NoteVerifier;
  readonly files: LedgerReader;
  open(): Promise<Ledger>;
}

const idsOf = async (ledger: Ledger): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { entry } of ledger.entries()) if (entry.kind !== 'ledger.voided') ids.push(entry.id);
  return ids;
};

/** What every ledger promises, whatever gives it its order. */
export function ledgerContract(create: () => Promise<LedgerUnderTest>): void {
  it('answers with indexes, leaf hashes and a checkpoint that has the entries', async () => {
    const { open, files, verifier } = await create();
    const ledger = await open();
    const entries = entriesOf(3);
    const first = await ledger.append(entries);
    const [second] = await ledger.append([entryOf(3)], { after: 3 });
    expect(first.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(second?.index).toBe(3);
    expect(second?.checkpoint.size).toBe(4);
    expect(ledger.checkpoint()).toEqual(second?.checkpoint);
    expect(await verifyLog(files, { verifiers: [verifier] })).toMatchObject({ ok: true, size: 4 });
    const third = entries[2] ? encodeEntry(entries[2]) : Buffer.of();
    expect(verifyReceipt(await ledger.inclusionReceipt(2), third, [verifier])).toMatchObject({
      ok: true,
      index: 2,
    });
    await ledger.close();
  });

  it('keeps the order of calls that were made at once', async () => {
    const { open } = await create();
    const ledger = await open();
    const entries = entriesOf(20);
    const answers = await Promise.all(entries.map((entry) => ledger.append([entry])));
    expect(answers.flat().map(({ index }) => index)).toEqual(entries.map((_, i) => i));
    expect(await idsOf(ledger)).toEqual(entries.map(({ id }) => id));
    await ledger.close();
  });

  it('appends behind the tree that was decided on, or not at all', async () => {
    const { open } = await create();
    const ledger = await open();
    const entries = entriesOf(3);
    const [a, b, c] = entries.map((entry) => [entry]);
    if (!a || !b || !c) throw new Error('three entries');
    await ledger.append(a, { after: 0 });
    await expect(ledger.append(b, { after: 0 })).rejects.toMatchObject({ code: 'ledger.overtaken' });
    await expect(ledger.append(b, { after: 5 })).rejects.toMatchObject({ code: 'ledger.overtaken' });
    // Of two that were decided on the same tree the first is in.
    const both = await Promise.allSettled([ledger.append(b, { after: 1 }), ledger.append(c, { after: 1 })]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: { code: 'ledger.overtaken' } });
    expect(await idsOf(ledger)).toEqual([a, b].flat().map(({ id }) => id));
    await ledger.close();
  });

  it('is the same after it is closed and opened, and only ever extends', async () => {
    const { open, files, verifier } = await create();
    const ids: string[] = [];
    let earlier: ReturnType<Ledger['checkpoint']> | undefined;
    for (let round = 0; round < 3; round++) {
      const ledger = await open();
      expect(await idsOf(ledger)).toEqual(ids);
      const entries = entriesOf(100, 100 * round);
      await ledger.append(entries);
      ids.push(...entries.map(({ id }) => id));
      const head = ledger.checkpoint();
      if (earlier !== undefined) {
        const proof = await ledger.consistencyProof(earlier.size, head.size);
        const { size: first, root: firstRoot } = earlier;
        const { size: second, root: secondRoot } = head;
        expect(verifyConsistency({ first, firstRoot, second, secondRoot, proof })).toBe(true);
      }
      earlier = head;
      await ledger.close();
    }
    expect(await verifyLog(files, { verifiers: [verifier] })).toMatchObject({ ok: true, problems: [] });
  });

  it('refuses what is no append, with nothing done', async () => {
    const { open } = await create();
    const ledger = await open();
    await expect(ledger.append([])).rejects.toMatchObject({ code: 'ledger.batch_size' });
    await expect(ledger.append(entriesOf(257))).rejects.toMatchObject({ code: 'ledger.batch_size' });
    const bad = { ...entryOf(1), id: 'none' };
    await expect(ledger.append([entryOf(0), bad])).rejects.toMatchObject({ code: 'ledger.entry_invalid' });
    expect(ledger.checkpoint().size).toBe(0);
    await ledger.close();
    await expect(ledger.append([entryOf(2)])).rejects.toMatchObject({ code: 'ledger.closed' });
  });
}
