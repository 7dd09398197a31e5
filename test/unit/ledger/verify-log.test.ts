import { describe, expect, it } from 'vitest';
import {
  createLedger,
  createNoteSigner,
  decodeBundle,
  decodeEntry,
  encodeBundle,
  encodeEntry,
  generateNoteKey,
  type LedgerStorage,
  openCheckpoint,
  verifyLog,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { entriesOf, entryOf } from '../../support/ledger-entries.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const verifiers = [signer.verifier];

async function ledgerOf(size: number, key = signer): Promise<LedgerStorage> {
  const storage = createMemoryStorage();
  const ledger = await createLedger({ storage, signer: key });
  for (let start = 0; start < size; start += 256) {
    await ledger.append(entriesOf(Math.min(256, size - start), start));
  }
  return storage;
}
const codes = async (storage: LedgerStorage, options = {}): Promise<string[]> => {
  const { ok, problems } = await verifyLog(storage, { verifiers, ...options });
  expect(ok).toBe(problems.length === 0);
  return [...new Set(problems.map(({ code }) => code))];
};
const bytesAt = async (storage: LedgerStorage, path: string) => Buffer.from((await storage.read(path)) ?? []);
async function edit(
  storage: LedgerStorage,
  path: string,
  change: (bytes: Buffer) => Uint8Array,
): Promise<void> {
  await storage.stage([{ path, bytes: change(await bytesAt(storage, path)) }]);
}
/** Rewrites a full bundle's entries. */
const editEntries = (storage: LedgerStorage, path: string, change: (entries: Uint8Array[]) => Uint8Array[]) =>
  edit(storage, path, (bytes) => encodeBundle(change(decodeBundle(bytes, 256) ?? [])));

describe('an audit of the log', () => {
  it('is content with what the ledger writes, at any size', async () => {
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 600, 1024]) {
      const storage = await ledgerOf(size);
      const report = await verifyLog(storage, { verifiers });
      expect(report).toMatchObject({ ok: true, size, checked: { entries: size }, problems: [] });
    }
  });

  it('compares every tile, and tells how far it is', async () => {
    const seen: number[] = [];
    const report = await verifyLog(await ledgerOf(600), {
      verifiers,
      onProgress: (entries) => seen.push(entries),
    });
    expect(seen).toEqual([256, 512, 600]);
    expect(report.checked).toEqual({ entries: 600, tiles: 4, earlier: 0 });
  });

  it('hands on exactly the entries that were hashed, cut to the checkpoint', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    await ledger.append(entriesOf(200));
    const older = await bytesAt(storage, 'checkpoint');
    await ledger.append(entriesOf(100, 200));
    await storage.publish(older);
    const seen: number[] = [];
    await verifyLog(storage, {
      verifiers,
      onEntries: (entries, first) => {
        for (const bytes of entries) seen.push(Number(decodeEntry(bytes).details.n));
        expect(first).toBe(0);
      },
    });
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('finds any changed byte of any file', async () => {
    const storage = await ledgerOf(300);
    const paths = [
      'checkpoint',
      'tile/entries/000',
      'tile/entries/001.p/44',
      'tile/0/000',
      'tile/0/001.p/44',
      'tile/1/000.p/1',
    ];
    for (const path of paths) {
      const original = await bytesAt(storage, path);
      const put = (bytes: Uint8Array) =>
        path === 'checkpoint' ? storage.publish(bytes) : storage.stage([{ path, bytes }]);
      for (let at = 0; at < original.length; at += Math.max(1, Math.floor(original.length / 23))) {
        const changed = Buffer.from(original);
        changed.writeUInt8(changed.readUInt8(at) ^ 0x01, at);
        await put(changed);
        expect((await verifyLog(storage, { verifiers })).ok, `${path} at ${at}`).toBe(false);
      }
      await put(original);
    }
    expect((await verifyLog(storage, { verifiers })).ok).toBe(true);
  });

  it('names the entry that was changed', async () => {
    const storage = await ledgerOf(600);
    await editEntries(storage, 'tile/entries/001', (entries) => entries.with(17, encodeEntry(entryOf(1))));
    const { problems } = await verifyLog(storage, { verifiers });
    expect(problems.map(({ code }) => code)).toEqual(['entry.differs', 'tile.differs', 'root.differs']);
    expect(problems[0]?.sentence).toContain('entry 273');
  });

  it.each<[string, (entries: Uint8Array[]) => Uint8Array[], string]>([
    ['removed', (entries) => entries.toSpliced(9, 1), 'bundle.malformed'],
    ['added', (entries) => entries.toSpliced(9, 0, encodeEntry(entryOf(1))), 'bundle.malformed'],
    ['replaced', (entries) => entries.toSpliced(9, 1, encodeEntry(entryOf(1))), 'entry.differs'],
    [
      'swapped',
      (entries) => [entries[1] ?? Buffer.of(), entries[0] ?? Buffer.of(), ...entries.slice(2)],
      'entry.differs',
    ],
  ])('finds an entry that was %s', async (_, change, code) => {
    const storage = await ledgerOf(600);
    await editEntries(storage, 'tile/entries/000', change);
    expect(await codes(storage)).toContain(code);
  });

  it('finds a log that was made anew below the same checkpoint', async () => {
    const [storage, forged] = [await ledgerOf(300), await ledgerOf(300)];
    await forged.publish(await bytesAt(storage, 'checkpoint'));
    expect(await codes(forged)).toEqual(['root.differs']);
  });

  it.each([
    ['tile/entries/000', 'bundle.missing'],
    ['tile/entries/002.p/88', 'bundle.missing'],
    ['tile/0/001', 'tile.missing'],
    ['tile/1/000.p/2', 'tile.missing'],
  ])('finds that %s is missing', async (path, code) => {
    const storage = await ledgerOf(600);
    await storage.remove([path]);
    expect(await codes(storage)).toContain(code);
  });

  it('finds a log signed by another key, and one without a checkpoint', async () => {
    const other = createNoteSigner('log.example/griffie', generateNoteKey());
    expect(await codes(await ledgerOf(3, other))).toEqual(['checkpoint.invalid']);
    expect(await codes(createMemoryStorage())).toEqual(['checkpoint.missing']);
  });

  it('finds a log that was cut or written anew by who has its key, given an earlier checkpoint', async () => {
    const storage = await ledgerOf(300);
    const earlierNote = (await bytesAt(storage, 'checkpoint')).toString();
    const opened = openCheckpoint(earlierNote, verifiers);
    if (!opened.ok) throw new Error('the checkpoint opens');
    const earlier = [opened.checkpoint];
    expect(await codes(storage, { earlier })).toEqual([]);
    expect(await codes(await ledgerOf(200), { earlier })).toEqual(['log.shrunk']);
    for (const size of [300, 301, 600])
      expect(await codes(await ledgerOf(size), { earlier })).toEqual(['log.forked']);
    expect(await codes(createMemoryStorage(), { earlier })).toEqual(['checkpoint.missing']);
  });

  it('accepts an earlier checkpoint of every size that the log once had', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    const earlier = [ledger.checkpoint()];
    for (const step of [1, 254, 1, 1, 200, 56, 30]) {
      await ledger.append(entriesOf(step));
      earlier.push(ledger.checkpoint());
    }
    const report = await verifyLog(storage, { verifiers, earlier });
    expect(report).toMatchObject({ ok: true, checked: { earlier: earlier.length } });
  });

  it('reads the full tile where a partial one was dropped since the checkpoint', async () => {
    const storage = createMemoryStorage();
    const ledger = await createLedger({ storage, signer });
    await ledger.append(entriesOf(200));
    const older = await bytesAt(storage, 'checkpoint');
    await ledger.append(entriesOf(100));
    await storage.publish(older);
    expect(await storage.partialWidths('tile/0/000')).toEqual([]);
    expect(await verifyLog(storage, { verifiers })).toMatchObject({ ok: true, size: 200 });
  });

  it('lists a bounded number of problems', async () => {
    const storage = await ledgerOf(256);
    const endless: LedgerStorage = {
      ...storage,
      read: async (path) => (path === 'checkpoint' ? storage.read(path) : Buffer.alloc(3)),
    };
    const { problems } = await verifyLog(endless, { verifiers });
    expect(problems.length).toBeLessThanOrEqual(100);
    expect(problems.length).toBeGreaterThan(0);
  });
});
