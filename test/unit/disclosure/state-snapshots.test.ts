import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  type ControlState,
  emptyState,
  encodeState,
  stateVersion,
} from '#shared/control';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  type LedgerEntry,
  type LedgerStorage,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { type Logger, softwareVersion } from '#shared/runtime';
import { openControlPlane } from '../../../services/disclosure/control/control-plane.ts';
import {
  decodeSnapshot,
  encodeSnapshot,
  snapshotKeyOf,
} from '../../../services/disclosure/control/snapshot-file.ts';
import {
  createStateSnapshots,
  type StateSnapshots,
} from '../../../services/disclosure/control/state-snapshots.ts';
import { type Attempt, historyOf } from '../../support/random-history.ts';
import { createTestClock } from '../../support/test-clock.ts';

/*
 * What the service keeps of its state between two starts. The clock stands at the end of the histories, so
 * that entries may carry their own times.
 */

const base = mkdtempSync(join(tmpdir(), 'griffie-snapshots-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const clock = createTestClock('2027-11-20T09:00:00.000Z');
const pem = generateNoteKey();
const signer = createNoteSigner('log.example/griffie', pem);
const key = snapshotKeyOf(pem);

const someAttempts = (seed: number): Attempt[] =>
  Array.from({ length: 60 }, (_, n): Attempt => [n * 7 + seed, n * 5 + 1, n + seed, 1_000]);

function entryOf(entry: AnyControlEntry): LedgerEntry {
  return { v: 1, id: uuidv7(), ...entry, details: { ...entry.details } } as LedgerEntry;
}

async function ledgerOf(
  entries: readonly AnyControlEntry[],
  storage: LedgerStorage = createMemoryStorage(),
): Promise<Ledger> {
  const ledger = await createLedger({ storage, signer });
  for (let at = 0; at < entries.length; at += 50) {
    await ledger.append(entries.slice(at, at + 50).map(entryOf));
  }
  return ledger;
}

interface Told {
  readonly level: 'info' | 'warn' | 'error';
  readonly reason: unknown;
}

let folders = 0;
function kept(options: { folder?: string; key?: Uint8Array; every?: number } = {}): {
  snapshots: StateSnapshots;
  file: string;
  told: Told[];
} {
  const folder = options.folder ?? join(base, String(++folders));
  const told: Told[] = [];
  const note =
    (level: Told['level']) =>
    ({ reason, code }: { reason?: unknown; code?: unknown }): void =>
      void told.push({ level, reason: reason ?? code });
  const logger: Logger = { info: note('info'), warn: note('warn'), error: note('error') };
  const snapshots = createStateSnapshots({
    folder,
    key: options.key ?? key,
    logger,
    ...(options.every === undefined ? {} : { entriesPerSnapshot: options.every }),
  });
  return { snapshots, file: join(folder, 'control-state.snapshot'), told };
}

const textOf = (state: Readonly<ControlState>): string[] => [...encodeState(state)];
const fullFold = async (ledger: Ledger): Promise<string[]> =>
  textOf((await openControlPlane(ledger, clock)).state);

/** A ledger and the file that a service left which stopped at its end. */
async function stopped(): Promise<{ ledger: Ledger; storage: LedgerStorage; folder: string; file: string }> {
  const storage = createMemoryStorage();
  const ledger = await ledgerOf(historyOf(someAttempts(3)), storage);
  const { snapshots, file } = kept();
  await (await openControlPlane(ledger, clock, snapshots)).close();
  return { ledger, storage, folder: join(file, '..'), file };
}

/** Which entries of the ledger a start reads: all of them where the snapshot is not believed. */
function counting(ledger: Ledger): { ledger: Ledger; from: number[] } {
  const from: number[] = [];
  const entries: Ledger['entries'] = (first = 0, to) => {
    from.push(first);
    return ledger.entries(first, to);
  };
  return { ledger: { ...ledger, entries }, from };
}

/** Opens with what lies in the folder, and looks whether it was believed. */
async function openWith(
  ledger: Ledger,
  options: { folder: string; key?: Uint8Array },
): Promise<{ believed: boolean; told: Told[]; state: string[] }> {
  const { snapshots, told } = kept(options);
  const counted = counting(ledger);
  const { state } = await openControlPlane(counted.ledger, clock, snapshots);
  return { believed: !counted.from.includes(0), told, state: textOf(state) };
}

describe('a control plane that is opened again', () => {
  it('has the state of the full fold, whatever was kept and whatever came after', async () => {
    const attempts = fc.array(
      fc.tuple(fc.nat(15), fc.nat(9), fc.nat(1_000), fc.integer({ min: 0, max: 90_000 })),
      { maxLength: 120, size: 'max' },
    ) as fc.Arbitrary<Attempt[]>;
    await fc.assert(
      fc.asyncProperty(attempts, fc.array(fc.nat(), { maxLength: 4 }), async (tried, stops) => {
        const all = historyOf(tried);
        const ends = [...stops.map((stop) => stop % (all.length + 1)), all.length].sort((a, b) => a - b);
        const { file } = kept();
        const ledger = await ledgerOf([]);
        for (const end of ends) {
          // Kept every few entries and at the stop, as a service does that is started again and again.
          const { snapshots, told } = kept({ folder: join(file, '..'), every: 7 });
          const control = await openControlPlane(ledger, clock, snapshots);
          for (let at = control.state.size; at < end; at += 3) {
            const entries = all.slice(at, Math.min(at + 3, end));
            await control.transact(() => ({ entries, result: undefined }));
          }
          await control.close();
          expect(told).toEqual([]);
        }
        const { state, believed } = await openWith(ledger, { folder: join(file, '..') });
        expect(state).toEqual(await fullFold(ledger));
        expect(believed).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('reads only the entries after what was kept', async () => {
    const { ledger, folder } = await stopped();
    const { size } = ledger.checkpoint();
    await ledger.append([entryOf(noise)]);
    const { snapshots } = kept({ folder });
    const counted = counting(ledger);
    await openControlPlane(counted.ledger, clock, snapshots);
    expect(counted.from).toEqual([size]);
  });

  it('keeps the state after so many entries, beside its work, and not sooner', async () => {
    const ledger = await ledgerOf(historyOf([]));
    const { snapshots, file } = kept({ every: 20 });
    const control = await openControlPlane(ledger, clock, snapshots);
    const step = () => control.transact(() => ({ entries: [noise], result: undefined }));
    while (ledger.checkpoint().size < 19) await step();
    expect(existsSync(file)).toBe(false);
    await step();
    await expect.poll(() => existsSync(file)).toBe(true);
    const sizeKept = () => decodeSnapshot(readFileSync(file), key);
    expect(sizeKept()).toMatchObject({ ok: true, snapshot: { size: 20 } });
    while (ledger.checkpoint().size < 39) await step();
    expect(sizeKept()).toMatchObject({ snapshot: { size: 20 } });
    await step();
    await expect.poll(sizeKept).toMatchObject({ ok: true, snapshot: { size: 40 } });
  });

  it('keeps a state of any number of lines, those included that are written in one piece', async () => {
    const { root } = (await ledgerOf([])).checkpoint();
    for (let lines = 480; lines < 1_020; lines += lines % 500 > 480 || lines % 500 < 10 ? 1 : 7) {
      const proofs = Array.from({ length: lines }, (_, n) => [`proof ${n}`, n] as const);
      const state: ControlState = { ...emptyState(), size: 1, usedProofs: new Map(proofs) };
      const decoded = decodeSnapshot(
        (await encodeSnapshot({ size: 1, root, state }, key)) ?? Buffer.of(),
        key,
      );
      expect(decoded).toEqual({ ok: true, snapshot: { size: 1, root: Buffer.from(root), state } });
    }
  });

  it('keeps it for its own user only', async () => {
    const { file } = await stopped();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
  });

  it('goes on where the state cannot be written, and says so', async () => {
    const ledger = await ledgerOf(historyOf([]));
    const folder = join(base, 'a-file');
    writeFileSync(folder, 'no folder');
    const { snapshots, told } = kept({ folder, every: 5 });
    const control = await openControlPlane(ledger, clock, snapshots);
    await control.transact(() => ({ entries: [noise], result: undefined }));
    await control.close();
    expect(told.some(({ level }) => level === 'warn')).toBe(true);
  });
});

const noise: AnyControlEntry = {
  kind: 'access.noise',
  at: '2026-11-20T09:00:00.000Z',
  actor: { service: 'disclosure' },
  details: { from: '2026-11-20T09:00:00.000Z', to: '2026-11-20T09:00:00.000Z', counts: [] },
};

describe('a kept state is never believed', () => {
  const expectFolded = async (
    ledger: Ledger,
    opened: { believed: boolean; told: Told[]; state: string[] },
    told: Told,
  ): Promise<void> => {
    expect({ believed: opened.believed, told: opened.told }).toEqual({ believed: false, told: [told] });
    expect(opened.state).toEqual(await fullFold(ledger));
  };

  it('with any byte of it changed', async () => {
    const { ledger, folder, file } = await stopped();
    const bytes = readFileSync(file);
    expect((await openWith(ledger, { folder })).believed).toBe(true);
    for (let at = 0; at < bytes.length; at += at < bytes.length - 100 ? 41 : 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(decodeSnapshot(changed, key), `at ${at}`).toEqual({ ok: false, reason: 'not_authentic' });
    }
    const changed = Buffer.from(bytes.toString().replace('"role":"auditor"', '"role":"officer"'));
    expect(changed.equals(bytes)).toBe(false);
    writeFileSync(file, changed);
    await expectFolded(ledger, await openWith(ledger, { folder }), {
      level: 'warn',
      reason: 'not_authentic',
    });
  });

  it('torn, empty, or with something after its end', async () => {
    const { ledger, folder, file } = await stopped();
    const bytes = readFileSync(file);
    for (let length = 0; length < bytes.length; length += length < bytes.length - 100 ? 97 : 1) {
      expect(decodeSnapshot(bytes.subarray(0, length), key).ok).toBe(false);
    }
    for (const torn of [
      Buffer.alloc(0),
      bytes.subarray(0, bytes.length >> 1),
      Buffer.concat([bytes, Buffer.from('\n')]),
      Buffer.alloc(bytes.length),
    ]) {
      writeFileSync(file, torn);
      await expectFolded(ledger, await openWith(ledger, { folder }), {
        level: 'warn',
        reason: 'not_authentic',
      });
    }
  });

  it('that somebody made without the ledger’s key', async () => {
    const { ledger, folder, file } = await stopped();
    const { state } = await openControlPlane(ledger, clock);
    const strangers = snapshotKeyOf(generateNoteKey());
    const bytes = await encodeSnapshot({ ...ledger.checkpoint(), state }, strangers);
    writeFileSync(file, bytes ?? '');
    await expectFolded(ledger, await openWith(ledger, { folder }), {
      level: 'warn',
      reason: 'not_authentic',
    });
  });

  it('of another version of the software, or of its rules', async () => {
    const { ledger, folder, file } = await stopped();
    const { state } = await openControlPlane(ledger, clock);
    const head = ledger.checkpoint();
    writeFileSync(
      file,
      (await encodeSnapshot({ ...head, state }, key, { software: '9.9.9', stateVersion })) ?? '',
    );
    await expectFolded(ledger, await openWith(ledger, { folder }), {
      level: 'info',
      reason: 'other_version',
    });
    writeFileSync(
      file,
      (await encodeSnapshot({ ...head, state }, key, { software: softwareVersion, stateVersion: 99 })) ?? '',
    );
    await expectFolded(ledger, await openWith(ledger, { folder }), {
      level: 'info',
      reason: 'other_version',
    });
  });

  it('of another history under the same key, which is told loudly', async () => {
    const { folder } = await stopped();
    // As long as the first one, and longer; other entries from the beginning.
    for (const more of [0, 40]) {
      const size = (await stopped()).ledger.checkpoint().size + more;
      const other = await ledgerOf(historyOf(someAttempts(4)));
      while (other.checkpoint().size < size) await other.append([entryOf(noise)]);
      const opened = await openWith(other, { folder });
      await expectFolded(other, opened, { level: 'error', reason: 'other_history' });
    }
  });

  it('of more entries than the ledger has, which is told loudly', async () => {
    const { folder } = await stopped();
    const short = await ledgerOf(historyOf(someAttempts(3)).slice(0, 20));
    await expectFolded(short, await openWith(short, { folder }), { level: 'error', reason: 'ahead' });
  });

  it('with the state of one size and the root of another', async () => {
    const { ledger, folder, file } = await stopped();
    const { size } = ledger.checkpoint();
    const { state } = await openControlPlane(ledger, clock);
    await ledger.append([entryOf(noise)]);
    const bytes = await encodeSnapshot({ size: size + 1, root: ledger.checkpoint().root, state }, key);
    writeFileSync(file, bytes ?? '');
    await expectFolded(ledger, await openWith(ledger, { folder }), {
      level: 'info',
      reason: 'other_version',
    });
  });

  it('where the ledger’s tiles do not show that it fits: then folding says which file is damaged', async () => {
    const storage = createMemoryStorage();
    const many = await ledgerOf(
      [...historyOf(someAttempts(3)), ...Array<AnyControlEntry>(500).fill(noise)],
      storage,
    );
    const { snapshots, file } = kept();
    await (await openControlPlane(many, clock, snapshots)).close();
    while (many.checkpoint().size < 1_100)
      await many.append(Array.from({ length: 50 }, () => entryOf(noise)));
    const path = 'tile/0/002';
    const tile = Buffer.from((await storage.read(path)) ?? []);
    tile.writeUInt8(tile.readUInt8(0) ^ 1, 0);
    await storage.stage([{ path, bytes: tile }]);
    const { snapshots: again, told } = kept({ folder: join(file, '..') });
    await expect(openControlPlane(many, clock, again)).rejects.toMatchObject({
      code: 'ledger.corrupt',
      message: expect.stringContaining(path),
    });
    expect(told).toEqual([{ level: 'warn', reason: 'unproven' }]);
  });

  it('that cannot be read, which is told', async () => {
    const { ledger, folder, file } = await stopped();
    rmSync(file);
    mkdirSync(file);
    await expectFolded(ledger, await openWith(ledger, { folder }), { level: 'warn', reason: 'EISDIR' });
  });

  it('that is a state of nothing: an empty ledger leaves no file', async () => {
    const { snapshots, file } = kept();
    const ledger = await ledgerOf([]);
    await (await openControlPlane(ledger, clock, snapshots)).close();
    expect(existsSync(file)).toBe(false);
    expect(await encodeSnapshot({ ...ledger.checkpoint(), state: emptyState() }, key)).not.toBeNull();
  });
});
