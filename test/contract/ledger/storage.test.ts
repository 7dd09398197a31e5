import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LedgerError, type LedgerStorage } from '#shared/ledger';
import { createMemoryStorage, createTileDirectory } from '#shared/ledger-storage';
import { SimulatedDisk } from '../../support/simulated-disk.ts';

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

async function inFolder(): Promise<LedgerStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-ledger-'));
  made.push(folder);
  return createTileDirectory(join(folder, 'ledger'));
}

const adapters: [string, () => Promise<LedgerStorage>][] = [
  ['in memory', async () => createMemoryStorage()],
  ['in a folder', inFolder],
  [
    'in a folder of a simulated disk',
    async () =>
      createTileDirectory('/ledger', new SimulatedDisk(), async () => ({
        isHeld: async () => true,
        release: async () => {},
      })),
  ],
];

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (found: Uint8Array | undefined) =>
  found === undefined ? undefined : Buffer.from(found).toString();

describe.each(adapters)('ledger storage %s', (_, create) => {
  const locked = async () => {
    const storage = await create();
    const lock = await storage.lock();
    return { storage, lock };
  };

  it('has nothing at first', async () => {
    const { storage } = await locked();
    expect(await storage.read('checkpoint')).toBeUndefined();
    expect(await storage.read('tile/0/000')).toBeUndefined();
    expect(await storage.readCommitted()).toBeUndefined();
    expect(await storage.partialWidths('tile/0/000')).toEqual([]);
  });

  it('gives back what was staged, and replaces what an earlier commit left there', async () => {
    const { storage } = await locked();
    await storage.stage([
      { path: 'tile/0/x001/000.p/7', bytes: bytes('seven') },
      { path: 'tile/entries/x001/000', bytes: bytes('full') },
    ]);
    await storage.stage([{ path: 'tile/0/x001/000.p/7', bytes: bytes('again') }]);
    expect(text(await storage.read('tile/0/x001/000.p/7'))).toBe('again');
    expect(text(await storage.read('tile/entries/x001/000'))).toBe('full');
  });

  it('lists partial tiles by their width, beside the full one, and removes them', async () => {
    const { storage } = await locked();
    const widths = [1, 20, 255];
    await storage.stage(widths.map((width) => ({ path: `tile/0/000.p/${width}`, bytes: bytes('x') })));
    await storage.stage([{ path: 'tile/0/000', bytes: bytes('full') }]);
    expect((await storage.partialWidths('tile/0/000')).sort((a, b) => a - b)).toEqual(widths);
    await storage.remove(['tile/0/000.p/1', 'tile/0/000.p/20', 'tile/0/000.p/21']);
    expect(await storage.partialWidths('tile/0/000')).toEqual([255]);
    await storage.remove(['tile/0/000.p/255', 'tile/0/000']);
    expect(await storage.partialWidths('tile/0/000')).toEqual([]);
    expect(await storage.read('tile/0/000')).toBeUndefined();
    await storage.stage([{ path: 'tile/0/000.p/1', bytes: bytes('y') }]);
    expect(await storage.partialWidths('tile/0/000')).toEqual([1]);
  });

  it('swaps the committed head only for the one that the caller knows', async () => {
    const { storage } = await locked();
    expect(await storage.swapCommitted(bytes('none'), bytes('one'))).toBe(false);
    expect(await storage.swapCommitted(undefined, bytes('one'))).toBe(true);
    expect(await storage.swapCommitted(undefined, bytes('two'))).toBe(false);
    expect(await storage.swapCommitted(bytes('on'), bytes('two'))).toBe(false);
    expect(text(await storage.readCommitted())).toBe('one');
    expect(await storage.swapCommitted(bytes('one'), bytes('two'))).toBe(true);
    expect(text(await storage.readCommitted())).toBe('two');
    expect(await storage.read('checkpoint')).toBeUndefined();
  });

  it('replaces the published checkpoint', async () => {
    const { storage } = await locked();
    await storage.publish(bytes('one'));
    await storage.publish(bytes('two'));
    expect(text(await storage.read('checkpoint'))).toBe('two');
  });

  it.each(['committed', '../checkpoint', 'tile/0/../0/000', 'tile/0/000.p/256', '', '/etc/hostname', 'lock'])(
    'reads public files only: %j is refused',
    async (path) => {
      const { storage } = await locked();
      const error = await storage.read(path).catch((fault: unknown) => fault);
      expect(error).toBeInstanceOf(LedgerError);
      expect(error).toMatchObject({ code: 'ledger.bad_path' });
    },
  );

  it('knows whether its lock is held', async () => {
    const { lock } = await locked();
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
  });
});

describe.each(adapters.slice(0, 2))('the lock of ledger storage %s', (_, create) => {
  it('is had by one at a time, and by the next after release', async () => {
    const storage = await create();
    const lock = await storage.lock();
    await expect(storage.lock()).rejects.toMatchObject({ code: 'ledger.locked' });
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
    expect(await lock.isHeld()).toBe(false);
    const next = await storage.lock();
    expect(await next.isHeld()).toBe(true);
    await next.release();
  });

  it('is had by exactly one of many that ask at once', async () => {
    const storage = await create();
    const answers = await Promise.allSettled(Array.from({ length: 12 }, () => storage.lock()));
    const held = answers.filter(({ status }) => status === 'fulfilled');
    expect(held).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'ledger.locked' });
    }
  });
});
