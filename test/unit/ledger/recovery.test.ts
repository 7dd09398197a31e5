import { describe, expect, it } from 'vitest';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type LedgerStorage,
  verifyLog,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { entriesOf, entryOf } from '../../support/ledger-entries.ts';

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const verifiers = [signer.verifier];

async function ledgerOf(size: number, storage = createMemoryStorage()): Promise<LedgerStorage> {
  const ledger = await createLedger({ storage, signer });
  const entries = entriesOf(size);
  for (let start = 0; start < size; start += 100) await ledger.append(entries.slice(start, start + 100));
  await ledger.close();
  return storage;
}

const open = (storage: LedgerStorage) => createLedger({ storage, signer });

async function change(storage: LedgerStorage, path: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  const bytes = Buffer.from((await storage.read(path)) ?? []);
  await storage.stage([{ path, bytes: edit(bytes) }]);
}
const flipLast = (bytes: Buffer): Buffer => {
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return bytes;
};
const cut = (bytes: Buffer): Buffer => bytes.subarray(0, -1);

describe('a ledger that is opened after a crash', () => {
  it('removes what was staged and never committed, on every level, and uses the place again', async () => {
    for (const size of [0, 3, 255, 256, 300]) {
      const storage = await ledgerOf(size);
      const index = Math.floor(size / 256);
      const orphan = (level: number | string, at: number, width: string) => ({
        path: `tile/${level}/${String(at).padStart(3, '0')}${width}`,
        bytes: Buffer.from('never acknowledged'),
      });
      const orphans = [
        orphan('entries', index, ''),
        orphan('entries', index, '.p/255'),
        orphan('entries', index + 1, '.p/9'),
        orphan(0, index, ''),
        orphan(0, index + 1, '.p/9'),
        orphan(1, 0, `.p/${index + 1}`),
      ];
      const kept = new Set(
        (
          await Promise.all(
            orphans.map(async ({ path }) => ((await storage.read(path)) === undefined ? [] : [path])),
          )
        ).flat(),
      );
      const staged = orphans.filter(({ path }) => !kept.has(path));
      await storage.stage(staged);
      const ledger = await open(storage);
      for (const { path } of staged) expect(await storage.read(path), `${path} at ${size}`).toBeUndefined();
      for (const entry of entriesOf(256)) await ledger.append([entry]);
      expect(await verifyLog(storage, { verifiers })).toMatchObject({ ok: true, size: size + 256 });
    }
  });

  it('publishes a head that was committed and not yet published', async () => {
    const storage = await ledgerOf(5);
    const older = await storage.read('checkpoint');
    const ledger = await open(storage);
    await ledger.append([entryOf(6)]);
    await ledger.close();
    await storage.publish(older ?? new Uint8Array());
    const again = await open(storage);
    expect(again.checkpoint().size).toBe(6);
    expect(Buffer.from((await storage.read('checkpoint')) ?? []).toString()).toBe(again.checkpoint().note);
  });

  it('drops partial tiles that a cut-off tidying left', async () => {
    const storage = await ledgerOf(300);
    await storage.stage([{ path: 'tile/0/000.p/4', bytes: Buffer.alloc(128) }]);
    await open(storage);
    expect(await storage.partialWidths('tile/0/000')).toEqual([]);
  });
});

describe('a ledger refuses to write, and says which file,', () => {
  it.each([
    ['where the last hash tile is changed', 'tile/0/001.p/44', flipLast, /signed root/],
    ['where the last hash tile is cut', 'tile/0/001.p/44', cut, /tile\/0\/001\.p\/44/],
    ['where the tile above is changed', 'tile/1/000.p/1', flipLast, /signed root/],
    ['where the last entry is changed', 'tile/entries/001.p/44', flipLast, /tile\/entries\/001\.p\/44/],
    ['where the last bundle is cut', 'tile/entries/001.p/44', cut, /tile\/entries\/001\.p\/44/],
  ])('%s', async (_, path, edit, sentence) => {
    const storage = await ledgerOf(300);
    await change(storage, path, edit);
    await expect(open(storage)).rejects.toMatchObject({
      code: 'ledger.corrupt',
      message: expect.stringMatching(sentence),
    });
    // The lock was given back: a person can look, repair and start again.
    await change(storage, path, () => Buffer.alloc(0));
    await expect(open(storage)).rejects.toMatchObject({ code: 'ledger.corrupt' });
  });

  it.each(['tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/001.p/44'])(
    'where %s is missing',
    async (path) => {
      const storage = await ledgerOf(300);
      await storage.remove([path]);
      await expect(open(storage)).rejects.toMatchObject({
        code: 'ledger.corrupt',
        message: expect.stringContaining(path),
      });
    },
  );

  it('where the head was signed by another key, or for another origin', async () => {
    const storage = await ledgerOf(3);
    for (const origin of ['log.example/griffie', 'log.example/other']) {
      const other = createNoteSigner(origin, generateNoteKey());
      await expect(createLedger({ storage, signer: other })).rejects.toMatchObject({
        code: 'ledger.wrong_key',
      });
    }
  });

  it('where the committed head is damaged, or lost', async () => {
    const storage = await ledgerOf(3);
    const committed = (await storage.readCommitted()) ?? new Uint8Array();
    await storage.swapCommitted(committed, committed.subarray(0, -9));
    await expect(open(storage)).rejects.toMatchObject({ code: 'ledger.corrupt' });
    await expect(open({ ...storage, readCommitted: async () => undefined })).rejects.toMatchObject({
      code: 'ledger.corrupt',
      message: expect.stringContaining('committed head is missing'),
    });
  });

  it('where entries are there and every head is lost', async () => {
    const storage = await ledgerOf(3);
    const headless: LedgerStorage = {
      ...storage,
      readCommitted: async () => undefined,
      read: async (path) => (path === 'checkpoint' ? undefined : storage.read(path)),
    };
    await expect(open(headless)).rejects.toMatchObject({ code: 'ledger.corrupt' });
  });

  it('where the published checkpoint is ahead: an older backup was put back', async () => {
    const storage = await ledgerOf(3);
    const old = await storage.readCommitted();
    const ledger = await open(storage);
    await ledger.append([entryOf(4)]);
    await ledger.close();
    await storage.swapCommitted(await storage.readCommitted(), old ?? new Uint8Array());
    await expect(open(storage)).rejects.toMatchObject({
      code: 'ledger.corrupt',
      message: expect.stringContaining('ahead'),
    });
  });

  it('where the published checkpoint is of another tree', async () => {
    for (const size of [2, 3]) {
      const [storage, other] = [await ledgerOf(3), await ledgerOf(size)];
      await storage.publish((await other.read('checkpoint')) ?? new Uint8Array());
      await expect(open(storage)).rejects.toMatchObject({
        code: 'ledger.corrupt',
        message: expect.stringContaining('another tree'),
      });
    }
  });
});

describe('a byte that was changed in the middle of the log', () => {
  it.each(['tile/entries/000', 'tile/0/000'])('is found when %s is read', async (path) => {
    const storage = await ledgerOf(600);
    await change(storage, path, flipLast);
    const ledger = await open(storage);
    const read = async () => {
      for await (const { index } of ledger.entries()) if (index > 255) break;
    };
    await expect(read()).rejects.toMatchObject({
      code: 'ledger.corrupt',
      message: expect.stringContaining(path),
    });
    // Entries elsewhere are still given out.
    let count = 0;
    for await (const _ of ledger.entries(256, 600)) count++;
    expect(count).toBe(344);
  });

  it('is found when tile and entry were changed to agree with each other', async () => {
    const storage = await ledgerOf(600);
    const forger = await ledgerOf(600);
    for (const path of ['tile/entries/000', 'tile/0/000']) {
      await storage.stage([{ path, bytes: (await forger.read(path)) ?? new Uint8Array() }]);
    }
    const ledger = await open(storage);
    await expect(ledger.entries()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'ledger.corrupt',
    });
    await expect(ledger.inclusionReceipt(3)).rejects.toMatchObject({ code: 'ledger.corrupt' });
  });
});
