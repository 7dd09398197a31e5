import { describe, expect, it } from 'vitest';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  hashLeaf,
  type Ledger,
  LedgerError,
  type LedgerStorage,
  openCheckpoint,
  parseTilePath,
  type SignedCheckpoint,
  verifyLog,
} from '#shared/ledger';
import { createTileDirectory, readTileDirectory } from '#shared/ledger-storage';
import { edgeRoot, emptyEdge, growEdge } from '../../shared/ledger/right-edge.ts';
import { tileWidthAt } from '../../shared/ledger/tile-path.ts';
import { entriesOf, entryOf } from '../support/ledger-entries.ts';
import { type Fate, type Random, SimulatedDisk } from '../support/simulated-disk.ts';

/*
 * The order of writes, held against a disk that fails, or a machine that stops, at every single operation.
 * SEEDS (default 3) is how many ways of surviving the page cache are tried per operation.
 */

const seeds = Number(process.env.SEEDS ?? 3);
const folder = '/data/ledger';
const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const verifiers = [signer.verifier];
const noLock = async () => ({ isHeld: async () => true, release: async () => {} });

/** Deterministic numbers (mulberry32), so that a failure can be run again. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What outsiders could ever have seen. */
interface Witnessed {
  /** Every text that `checkpoint` held at any moment. */
  readonly checkpoints: Set<string>;
  /** Ids by index, as acknowledged. */
  readonly acknowledged: Map<number, string>;
  /** Ids of appends that were said to have failed with nothing appended. */
  readonly refused: Set<string>;
}

const witness = (): Witnessed => ({ checkpoints: new Set(), acknowledged: new Map(), refused: new Set() });

const watching = (seen: Witnessed) => (disk: SimulatedDisk) => {
  const note = disk.peek(`${folder}/checkpoint`);
  if (note !== undefined) seen.checkpoints.add(Buffer.from(note).toString());
};

/** A disk with the ledger's parent folder; making it takes two operations. */
async function freshDisk(fate: (operation: number) => Fate, seen: Witnessed): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(fate, watching(seen));
  await disk.makeFolder('/data');
  await disk.syncFolder('/');
  return disk;
}

const openOn = (disk: SimulatedDisk) =>
  createLedger({ storage: createTileDirectory(folder, disk, noLock), signer });

async function append(ledger: Ledger, count: number, seen: Witnessed): Promise<void> {
  const entries = entriesOf(count);
  try {
    for (const [i, { index }] of (await ledger.append(entries)).entries()) {
      seen.acknowledged.set(index, entries[i]?.id ?? '');
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    expect(['ledger.unavailable', 'ledger.in_doubt']).toContain(error.code);
    if (error.code === 'ledger.unavailable') for (const { id } of entries) seen.refused.add(id);
  }
}

/** Appends that begin a log, cross a tile boundary, and share commits. */
const lots = [[1], [2, 1], [250], [1], [1, 1], [3], [256], [1]];

async function scenario(disk: SimulatedDisk, seen: Witnessed, appends = lots): Promise<void> {
  const ledger = await openOn(disk).catch(() => undefined);
  if (ledger === undefined) return;
  for (const counts of appends) {
    await Promise.all(counts.map((count) => append(ledger, count, seen)));
    if (disk.stopped) return;
  }
}

async function expectPromisesKept(disk: SimulatedDisk, seen: Witnessed, ledger: Ledger): Promise<void> {
  const heads = openAll(seen.checkpoints);
  const ids: string[] = [];
  let edge = emptyEdge;
  for await (const { entry, bytes } of ledger.entries()) {
    ids.push(entry.id);
    edge = growEdge(edge, [hashLeaf(bytes)]).edge;
    const head = heads.get(edge.size);
    if (head !== undefined) expect(Buffer.compare(edgeRoot(edge), head.root)).toBe(0);
  }
  expect(Math.max(...heads.keys())).toBeLessThanOrEqual(ids.length);
  for (const [index, id] of seen.acknowledged) expect(ids[index]).toBe(id);
  for (const id of ids) expect(seen.refused.has(id)).toBe(false);
  const report = await verifyLog(readTileDirectory(folder, disk), { verifiers });
  expect(report).toMatchObject({ ok: true, problems: [], size: ids.length });
}

/** Only the sizes that were seen; one size with two roots is a fork. */
function openAll(notes: ReadonlySet<string>): Map<number, SignedCheckpoint> {
  const bySize = new Map<number, SignedCheckpoint>();
  for (const note of notes) {
    const opened = openCheckpoint(note, verifiers);
    if (!opened.ok) throw new Error(`a reader could see a bad checkpoint: ${opened.reason}`);
    const other = bySize.get(opened.checkpoint.size);
    if (other !== undefined) expect(other.note).toBe(note);
    bySize.set(opened.checkpoint.size, opened.checkpoint);
  }
  return bySize;
}

/**
 * No file but the public ones, the head and the (empty) staging folder is left behind, and no tile of more
 * entries than there are: what was staged and never committed is gone.
 */
function expectTidy(disk: SimulatedDisk, size: number): void {
  for (const path of disk.files(folder)) {
    const name = path.slice(folder.length + 1);
    expect(name).toMatch(/^(checkpoint|committed|tile\/[\w./]+)$/);
    const tile = parseTilePath(name);
    if (tile === null) continue;
    const level = tile.level === 'entries' ? 0 : tile.level;
    expect(tile.width, name).toBeLessThanOrEqual(tileWidthAt(level, tile.index, size));
  }
}

const countOperations = async (): Promise<number> => {
  const disk = await freshDisk(() => 'ok', witness());
  await scenario(disk, witness());
  return disk.operations;
};
const total = await countOperations();

/** Runs the scenario on a disk whose operations have the fates given. */
async function run(
  fate: (operation: number) => Fate,
  appends = lots,
): Promise<{ disk: SimulatedDisk; seen: Witnessed }> {
  const seen = witness();
  const disk = await freshDisk(fate, seen);
  await scenario(disk, seen, appends);
  return { disk, seen };
}

describe(`a ledger on a machine that stops at each of ${total} operations (${seeds} seeds each)`, () => {
  it('keeps every acknowledged entry, never forks, and goes on', async () => {
    let lostStaged = 0;
    for (let at = 2; at < total; at++) {
      for (let seed = 0; seed < seeds; seed++) {
        const { disk, seen } = await run((operation) => (operation === at ? 'stops' : 'ok'));
        expect(disk.stopped).toBe(true);
        const survived = disk.afterCrash(randomFrom(at * 1_000 + seed), watching(seen));
        const ledger = await openOn(survived);
        if (ledger.checkpoint().size === Math.max(0, ...[...seen.acknowledged.keys()].map((i) => i + 1)))
          lostStaged++;
        await expectPromisesKept(survived, seen, ledger);
        expectTidy(survived, ledger.checkpoint().size);
        await append(ledger, 1, seen);
        await append(ledger, 256, seen);
        await expectPromisesKept(survived, seen, ledger);
      }
    }
    // Both ways of surviving were seen: what was cut off before the commit is gone, after it is kept.
    expect(lostStaged).toBeGreaterThan(0);
    expect(lostStaged).toBeLessThan((total - 2) * seeds);
  });

  it('survives a second stop while it recovers from the first', async () => {
    for (let at = 2; at < total; at += 3) {
      const { disk, seen } = await run((operation) => (operation === at ? 'stops' : 'ok'));
      for (let second = 0; second < 12; second++) {
        const random = randomFrom(at * 1_000 + second);
        // Each second stop is a history of its own.
        const own: Witnessed = {
          ...seen,
          checkpoints: new Set(seen.checkpoints),
          acknowledged: new Map(seen.acknowledged),
        };
        const half = disk.afterCrash(random, watching(own), (operation) =>
          operation === second ? 'stops' : 'ok',
        );
        await openOn(half).catch(() => undefined);
        const survived = half.afterCrash(random, watching(own));
        const ledger = await openOn(survived);
        await append(ledger, 1, own);
        await expectPromisesKept(survived, own, ledger);
      }
    }
  });
});

describe('a ledger whose process is killed, and whose machine stops while the next one starts', () => {
  it('shows no checkpoint that the loss of power takes back', async () => {
    const few = [[1], [2, 1], [1]];
    const ordinary = await run(() => 'ok', few);
    for (let at = 2; at < ordinary.disk.operations; at++) {
      for (let second = 0; second < 16; second++) {
        const { disk, seen } = await run((operation) => (operation === at ? 'stops' : 'ok'), few);
        const next = disk.afterKill(watching(seen), (operation) => (operation === second ? 'stops' : 'ok'));
        await openOn(next).catch(() => undefined);
        for (let seed = 0; seed < seeds; seed++) {
          const own: Witnessed = { ...seen, checkpoints: new Set(seen.checkpoints) };
          const survived = next.afterCrash(randomFrom((at * 100 + second) * 100 + seed), watching(own));
          const ledger = await openOn(survived);
          await expectPromisesKept(survived, own, ledger);
        }
      }
    }
  });
});

describe('a ledger on a disk that fails, and whose machine stops soon after', () => {
  it('shows no checkpoint that the loss of power takes back', async () => {
    const few = [[1], [2, 1], [1]];
    const ordinary = await run(() => 'ok', few);
    for (let at = 2; at < ordinary.disk.operations; at++) {
      for (let later = 1; later < 16; later++) {
        const fates = new Map<number, Fate>([
          [at, 'fails'],
          [at + later, 'stops'],
        ]);
        const { disk, seen } = await run((operation) => fates.get(operation) ?? 'ok', few);
        for (let seed = 0; seed < seeds; seed++) {
          const own: Witnessed = { ...seen, checkpoints: new Set(seen.checkpoints) };
          const survived = disk.afterCrash(randomFrom((at * 100 + later) * 100 + seed), watching(own));
          const ledger = await openOn(survived);
          await expectPromisesKept(survived, own, ledger);
        }
      }
    }
  });
});

describe(`a ledger on a disk that fails at at each of ${total} operations`, () => {
  it.each(['fails', 'failsAfter'] as const)('says so truly and goes on (%s)', async (fate) => {
    for (let at = 2; at < total; at++) {
      const { disk, seen } = await run((operation) => (operation === at ? fate : 'ok'));
      // Only an open that failed at the very beginning leaves no ledger; the next one works.
      const ledger = await openOn(disk);
      await expectPromisesKept(disk, seen, ledger);
      expectTidy(disk, ledger.checkpoint().size);
      await append(ledger, 5, seen);
      await expectPromisesKept(disk, seen, ledger);
    }
  });

  it('rejects appends while the disk is full, keeps nothing of them, and works again without a restart', async () => {
    let full = false;
    const seen = witness();
    const disk = new SimulatedDisk(() => (full ? 'fails' : 'ok'), watching(seen));
    await disk.makeFolder('/data');
    const ledger = await openOn(disk);
    await append(ledger, 254, seen);
    for (let round = 0; round < 3; round++) {
      full = true;
      await expect(ledger.append([entryOf(1)])).rejects.toMatchObject({ code: 'ledger.unavailable' });
      await append(ledger, 3, seen);
      expect(seen.refused.size).toBe(3 * (round + 1));
      // Reading goes on meanwhile.
      expect(await ledger.inclusionReceipt(17)).toContain('index 17');
      full = false;
      await append(ledger, 2, seen);
    }
    expect(ledger.checkpoint().size).toBe(260);
    await expectPromisesKept(disk, seen, ledger);
    expect(disk.files(`${folder}/staging`)).toEqual([]);
  });

  it('says that it is in doubt only where storage cannot be asked either, and can be asked again', async () => {
    let failing: 'never' | 'afterSwap' | 'now' = 'never';
    const seen = witness();
    const disk = new SimulatedDisk(() => (failing === 'now' ? 'failsAfter' : 'ok'), watching(seen));
    await disk.makeFolder('/data');
    const inner = createTileDirectory(folder, disk, noLock);
    const storage: LedgerStorage = {
      ...inner,
      swapCommitted: async (expected, next) => {
        const swapped = await inner.swapCommitted(expected, next);
        if (failing === 'afterSwap') failing = 'now';
        return swapped;
      },
    };
    const ledger = await createLedger({ storage, signer });
    failing = 'afterSwap';
    const doubtful = entryOf(1);
    await expect(ledger.append([doubtful])).rejects.toMatchObject({ code: 'ledger.in_doubt' });
    await expect(ledger.refresh()).rejects.toMatchObject({ code: 'ledger.unavailable' });
    failing = 'never';
    // An append beside it waits its turn.
    await Promise.all([ledger.refresh(), append(ledger, 2, seen), ledger.refresh()]);
    const { entry } = (await ledger.entries()[Symbol.asyncIterator]().next()).value ?? {};
    // Its head was committed before the disk fell silent: it is in, and it is first.
    expect(entry?.id).toBe(doubtful.id);
    expect(ledger.checkpoint().size).toBe(3);
    await expectPromisesKept(disk, seen, ledger);
  });
});
