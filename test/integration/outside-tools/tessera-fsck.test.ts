import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createNoteSigner,
  decodeBundle,
  encodeBundle,
  generateNoteKey,
  hashLeaf,
  openCheckpoint,
  signNote,
} from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { formatCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { describeWithGo } from '../../support/go/describe.ts';
import { buildGoTools, type GoTools } from '../../support/go/tools.ts';
import { writeLongLedger } from '../../support/long-ledger.ts';
import { run } from '../../unit/cli/support.ts';

/*
 * Tessera's fsck, built as its authors publish it, and `griffie audit verify` judge the same folders, which
 * our ledger wrote. Three levels of tiles, the last of each partial: 65,536 entries are the first of level 2.
 */

const size = 70_000;
const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
const otherKey = createNoteSigner('griffie.example.nl/ledger', generateNoteKey()).verifier.vkey;

/** Fsck goes on waiting where all of its workers met a fault; so many never do here. */
const fsckWorkers = 8;
const patienceMs = 60_000;

/**
 * `crashed`: it panics on a bundle with fewer entries than its name says (v1.0.4), and so does not accept it.
 */
type Verdict = 'accepted' | 'refused' | 'crashed';

describeWithGo(`a ledger of ${size} entries`, (go) => {
  let base = '';
  let whole = '';
  let tools: GoTools;
  let copies = 0;

  beforeAll(async () => {
    base = mkdtempSync(join(tmpdir(), 'griffie-outside-'));
    whole = join(base, 'whole');
    const binaries = join(base, 'bin');
    mkdirSync(binaries);
    const [built] = await Promise.all([
      buildGoTools(go, binaries),
      writeLongLedger(createTileDirectory(whole), signer, size),
    ]);
    tools = built;
  }, 400_000);
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  /** Its exit code says nothing: it is 0 also where fsck found the log wrong. What it logs does. */
  function fsck(ledger: string, vkey: string): Promise<Verdict> {
    const keyFile = join(base, `log-${++copies}.vkey`);
    writeFileSync(keyFile, vkey);
    const args = [`--storage_url=file://${ledger}/`, `--public_key=${keyFile}`, '--ui=false'];
    const child = spawn(tools.fsck, [...args, `--N=${fsckWorkers}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        const accepted = log.includes(`Successfully fsck'd log with size ${size} `);
        const refused = log.includes('fsck failed:');
        if (code === 2 && log.includes('panic: runtime error') && !accepted) resolve('crashed');
        // Neither or both: it did not judge at all.
        else if (code !== 0 || accepted === refused) reject(new Error(`fsck ended with ${code}: ${log}`));
        else resolve(accepted ? 'accepted' : 'refused');
      });
    });
  }

  /** Codes of what `griffie audit verify` finds; none where it verifies. */
  async function audit(ledger: string, vkey: string): Promise<string[]> {
    const ran = await run(['audit', 'verify', ledger, '--key', vkey, '--json']);
    expect([0, 1]).toContain(ran.exitCode);
    const problems = ran.exitCode === 0 ? [] : (ran.error().problems ?? []);
    expect(problems.length > 0).toBe(ran.exitCode === 1);
    return [...new Set(problems.map(({ rule = '' }) => rule))];
  }

  function damaged(change: (path: (name: string) => string) => void): string {
    const copy = join(base, `copy-${++copies}`);
    cpSync(whole, copy, { recursive: true });
    change((name) => join(copy, name));
    return copy;
  }

  it('is accepted by both, whole', async () => {
    const { vkey } = signer.verifier;
    expect(await fsck(whole, vkey)).toBe('accepted');
    const ran = await run(['audit', 'verify', whole, '--key', vkey, '--json']);
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(ran.json()).toMatchObject({ verified: true, size, entriesHashed: size, entriesReplayed: size });
  });

  const flip = (path: string, at: number): void => {
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
  };
  const edit = (path: string, change: (leaves: Uint8Array[]) => Uint8Array[]): void =>
    writeFileSync(path, encodeBundle(change(decodeBundle(readFileSync(path), 256) ?? [])));
  const cut = (path: string): void => truncateSync(path, readFileSync(path).length - 32);
  /** The digits of a count in an entry: the bundle stays well-formed, and so does the entry. */
  const digitOf = (path: string): number => readFileSync(path).indexOf('"count":') + '"count":'.length;

  it.each<[string, (path: (name: string) => string) => void, code: string, fsck?: Verdict]>([
    [
      'one byte of an entry changed',
      (path) => flip(path('tile/entries/100'), digitOf(path('tile/entries/100'))),
      'entry.differs',
    ],
    [
      'an entry changed, and its hash with it',
      (path) => {
        flip(path('tile/entries/100'), digitOf(path('tile/entries/100')));
        const leaves = decodeBundle(readFileSync(path('tile/entries/100')), 256) ?? [];
        writeFileSync(path('tile/0/100'), Buffer.concat(leaves.map(hashLeaf)));
      },
      'tile.differs',
    ],
    [
      'two entries swapped',
      (path) =>
        edit(path('tile/entries/007'), ([a, b, ...rest]) => [b ?? Buffer.of(), a ?? Buffer.of(), ...rest]),
      'entry.differs',
    ],
    [
      'an entry left out',
      (path) => edit(path('tile/entries/007'), (leaves) => leaves.slice(1)),
      'bundle.malformed',
      'crashed',
    ],
    ['a hash changed', (path) => flip(path('tile/0/200'), 77), 'entry.differs'],
    ['a hash changed in a tile above', (path) => flip(path('tile/1/000'), 8_191), 'tile.differs'],
    ['a hash changed in the tile on top', (path) => flip(path('tile/2/000.p/1'), 0), 'tile.differs'],
    ['a hash tile missing', (path) => rmSync(path('tile/0/031')), 'tile.missing'],
    ['the last tile above missing', (path) => rmSync(path('tile/1/001.p/17')), 'tile.missing'],
    ['an entry bundle missing', (path) => rmSync(path('tile/entries/255')), 'bundle.missing'],
    ['an entry bundle cut', (path) => cut(path('tile/entries/031')), 'bundle.malformed'],
    [
      'its end cut off below the same checkpoint',
      (path) => rmSync(path('tile/entries/273.p'), { recursive: true }),
      'bundle.missing',
    ],
    ['its checkpoint changed', (path) => flip(path('checkpoint'), 30), 'checkpoint.invalid'],
    [
      'its checkpoint cut',
      (path) => writeFileSync(path('checkpoint'), readFileSync(path('checkpoint')).subarray(0, 90)),
      'checkpoint.invalid',
    ],
    [
      'another root signed by its own key',
      (path) => {
        const opened = openCheckpoint(readFileSync(path('checkpoint'), 'utf8'), [signer.verifier]);
        if (!opened.ok) throw new Error(opened.reason);
        const root = Buffer.from(opened.checkpoint.root).fill(1, 0, 1);
        writeFileSync(path('checkpoint'), signNote(formatCheckpoint({ ...opened.checkpoint, root }), signer));
      },
      'root.differs',
    ],
  ])('is refused by both with %s', async (_, change, code, verdict = 'refused') => {
    const ledger = damaged(change);
    const [judged, found] = await Promise.all([
      fsck(ledger, signer.verifier.vkey),
      audit(ledger, signer.verifier.vkey),
    ]);
    expect({ judged, found }).toEqual({ judged: verdict, found: expect.arrayContaining([code]) });
    rmSync(ledger, { recursive: true });
  });

  it('is refused by both under another key', async () => {
    expect(await fsck(whole, otherKey)).toBe('refused');
    expect(await audit(whole, otherKey)).toEqual(['checkpoint.invalid']);
  });
});
