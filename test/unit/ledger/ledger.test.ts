import { describe, expect, it } from 'vitest';
import {
  createLedger,
  createNoteSigner,
  encodeEntry,
  generateNoteKey,
  hashLeaf,
  type Ledger,
  type LedgerEntry,
  type LedgerStorage,
  openCheckpoint,
  verifyConsistency,
  verifyLog,
  verifyReceipt,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { entriesOf, entryOf } from '../../support/ledger-entries.ts';
import { slowRoot } from './trees.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const verifiers = [signer.verifier];

const idsOf = async (ledger: Ledger, from?: number, to?: number): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { entry } of ledger.entries(from, to)) ids.push(entry.id);
  return ids;
};

/** Appends in lots of 256. */
async function fill(ledger: Ledger, count: number): Promise<LedgerEntry[]> {
  const entries = entriesOf(count);
  for (let start = 0; start < count; start += 256) await ledger.append(entries.slice(start, start + 256));
  return entries;
}

/** Counts what a ledger does to its storage. */
function counting(storage: LedgerStorage) {
  const counts = { stage: 0, swap: 0, publish: 0, paths: [] as string[] };
  const counted: LedgerStorage = {
    ...storage,
    stage: (files) => {
      counts.stage++;
      counts.paths.push(...files.map(({ path }) => path));
      return storage.stage(files);
    },
    swapCommitted: (expected, next) => {
      counts.swap++;
      return storage.swapCommitted(expected, next);
    },
    publish: (checkpoint) => {
      counts.publish++;
      return storage.publish(checkpoint);
    },
  };
  return { counts, storage: counted };
}

describe('a ledger', () => {
  it('begins with a signed checkpoint of no entries', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    expect(ledger.checkpoint()).toMatchObject({ origin: 'log.example/griffie', size: 0 });
    expect(await verifyLog(storage, { verifiers })).toMatchObject({ ok: true, size: 0, problems: [] });
    expect(await idsOf(ledger)).toEqual([]);
  });

  it('answers an append with the index, the leaf hash and a checkpoint that has it', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    const entries = entriesOf(3);
    const appended = await ledger.append(entries);
    const leaves = entries.map((entry) => hashLeaf(encodeEntry(entry)));
    expect(appended.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(appended.map(({ leafHash }) => Buffer.from(leafHash))).toEqual(
      leaves.map((leaf) => Buffer.from(leaf)),
    );
    for (const { checkpoint } of appended) {
      expect(openCheckpoint(checkpoint.note, verifiers)).toMatchObject({ ok: true, checkpoint: { size: 3 } });
      expect(Buffer.compare(checkpoint.root, slowRoot(leaves))).toBe(0);
    }
    const published = Buffer.from((await storage.read('checkpoint')) ?? []).toString();
    expect(published).toBe(appended[0]?.checkpoint.note);
  });

  it('keeps calls in their order, and lets those at the same time share one commit', async () => {
    const { counts, storage } = counting(createMemoryStorage());
    const ledger = await createLedger({ storage, signer });
    const entries = entriesOf(100);
    const before = { ...counts };
    const appended = await Promise.all(entries.map((entry) => ledger.append([entry])));
    expect(appended.flat().map(({ index }) => index)).toEqual(entries.map((_, i) => i));
    expect(await idsOf(ledger)).toEqual(entries.map(({ id }) => id));
    expect(counts.stage - before.stage).toBe(1);
    expect(counts.publish - before.publish).toBe(1);
  });

  it('never splits an append between two commits', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    const sizes = [200, 100, 256, 1, 255, 7];
    const answers = await Promise.all(sizes.map((count) => ledger.append(entriesOf(count))));
    for (const answer of answers) {
      expect(new Set(answer.map(({ checkpoint }) => checkpoint.size)).size).toBe(1);
      expect(answer.at(-1)?.index).toBe((answer[0]?.index ?? 0) + answer.length - 1);
    }
    expect(ledger.checkpoint().size).toBe(819);
  });

  it('is the same after it is closed and opened, at every size around a tile boundary', async () => {
    const storage = createMemoryStorage();
    let ledger = await createLedger({ storage, signer });
    const entries = await fill(ledger, 250);
    for (let size = 250; size <= 262; size++) {
      await ledger.close();
      ledger = await createLedger({ storage, signer });
      expect(ledger.checkpoint().size).toBe(size);
      expect(await idsOf(ledger)).toEqual(entries.map(({ id }) => id));
      const next = entryOf(size);
      entries.push(next);
      await ledger.append([next]);
    }
    expect(await verifyLog(storage, { verifiers })).toMatchObject({ ok: true, size: 263 });
  });

  it('writes a full tile once, and drops partial tiles when the full one is public', async () => {
    const inner = createMemoryStorage();
    const { counts, storage } = counting(inner);
    const ledger = await createLedger({ storage, signer });
    for (const entry of entriesOf(300)) await ledger.append([entry]);
    expect(counts.paths.filter((path) => path === 'tile/0/000')).toHaveLength(1);
    expect(counts.paths.filter((path) => path === 'tile/entries/000')).toHaveLength(1);
    expect(await inner.partialWidths('tile/0/000')).toEqual([]);
    expect(await inner.partialWidths('tile/entries/000')).toEqual([]);
    // Each published size of the unfinished tile stays readable.
    expect(await inner.partialWidths('tile/0/001')).toHaveLength(44);
    // Level 1 changes once in 256 entries.
    expect(counts.paths.filter((path) => path.startsWith('tile/1/'))).toEqual(['tile/1/000.p/1']);
  });

  it('reads any range of entries, and none outside', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    const ids = (await fill(ledger, 700)).map(({ id }) => id);
    for (const [from, to] of [
      [0, 700],
      [255, 257],
      [256, 512],
      [300, 300],
      [699, 700],
      [512, 700],
    ] as const) {
      expect(await idsOf(ledger, from, to)).toEqual(ids.slice(from, to));
    }
    for (const [from, to] of [
      [-1, 5],
      [5, 4],
      [0, 701],
      [0.5, 2],
    ] as const) {
      await expect(idsOf(ledger, from, to)).rejects.toMatchObject({ code: 'ledger.out_of_range' });
    }
  });

  it('reads the entries of the moment of the call, while more are appended', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    await fill(ledger, 250);
    const ids: string[] = [];
    for await (const { entry } of ledger.entries()) {
      ids.push(entry.id);
      if (ids.length <= 20) await ledger.append([entryOf(ids.length)]);
    }
    expect(ids).toHaveLength(250);
    expect(ledger.checkpoint().size).toBe(270);
  });

  it('gives receipts and consistency proofs that verify, across tiles', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    const roots = new Map<number, Uint8Array>();
    const entries: LedgerEntry[] = [];
    for (const step of [1, 2, 200, 52, 1, 1, 256, 256, 13]) {
      const lot = entriesOf(step);
      entries.push(...lot);
      const [first] = await ledger.append(lot);
      if (first !== undefined) roots.set(first.checkpoint.size, first.checkpoint.root);
    }
    for (let index = 0; index < entries.length; index += 7) {
      const entry = entries[index] ?? entryOf(0);
      const receipt = await ledger.inclusionReceipt(index);
      expect(verifyReceipt(receipt, encodeEntry(entry), verifiers)).toMatchObject({ ok: true, index });
    }
    for (const [first, firstRoot] of roots) {
      for (const [second, secondRoot] of roots) {
        if (first > second) continue;
        const proof = await ledger.consistencyProof(first, second);
        expect(verifyConsistency({ first, second, firstRoot, secondRoot, proof })).toBe(true);
      }
    }
    await expect(ledger.inclusionReceipt(entries.length)).rejects.toMatchObject({
      code: 'ledger.out_of_range',
    });
    await expect(ledger.consistencyProof(0, 1)).rejects.toMatchObject({ code: 'ledger.out_of_range' });
    await expect(ledger.consistencyProof(1, 10_000)).rejects.toMatchObject({ code: 'ledger.out_of_range' });
  });

  it('refuses a bad entry without touching storage or its neighbours', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    const bad = { ...entryOf(1), subject: 'alice@example.org' };
    const [good, refused] = await Promise.allSettled([
      ledger.append([entryOf(2)]),
      ledger.append([entryOf(3), bad]),
    ]);
    expect(good.status).toBe('fulfilled');
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ledger.entry_invalid' } });
    expect(ledger.checkpoint().size).toBe(1);
  });

  it('bounds an append, and what waits', async () => {
    const ledger = await createLedger({ storage: createMemoryStorage(), signer });
    await expect(ledger.append([])).rejects.toMatchObject({ code: 'ledger.batch_size' });
    await expect(ledger.append(entriesOf(257))).rejects.toMatchObject({ code: 'ledger.batch_size' });
    const lots = await Promise.allSettled(Array.from({ length: 20 }, () => ledger.append(entriesOf(256))));
    expect(lots.filter(({ status }) => status === 'fulfilled')).toHaveLength(16);
    expect(lots.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'ledger.overloaded' } });
    expect(await ledger.append([entryOf(1)])).toMatchObject([{ index: 4096 }]);
  });

  it('finishes what was accepted before it closes, and takes nothing after', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    const accepted = ledger.append([entryOf(1)]);
    await ledger.close();
    expect(await accepted).toMatchObject([{ index: 0 }]);
    await expect(ledger.append([entryOf(2)])).rejects.toMatchObject({ code: 'ledger.closed' });
    await ledger.close();
    await (await createLedger({ storage, signer })).close();
  });

  it('is opened by one at a time', async () => {
    const storage = createMemoryStorage();
    await createLedger({ storage, signer });
    await expect(createLedger({ storage, signer })).rejects.toMatchObject({ code: 'ledger.locked' });
  });

  it('stops for good once another writer was seen', async () => {
    const inner = createMemoryStorage();
    let held = true;
    const storage: LedgerStorage = {
      ...inner,
      lock: async () => ({ isHeld: async () => held, release: async () => {} }),
    };
    const ledger = await createLedger({ storage, signer });
    held = false;
    await expect(ledger.append([entryOf(1)])).rejects.toMatchObject({ code: 'ledger.lock_lost' });
    held = true;
    await expect(ledger.append([entryOf(1)])).rejects.toMatchObject({ code: 'ledger.lock_lost' });

    const second = await createLedger({ storage, signer });
    await inner.swapCommitted(Buffer.from(second.checkpoint().note), Buffer.from('moved'));
    await expect(second.append([entryOf(1)])).rejects.toMatchObject({ code: 'ledger.lock_lost' });
    expect(Buffer.from((await inner.readCommitted()) ?? []).toString()).toBe('moved');
  });
});
