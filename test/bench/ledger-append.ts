import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildGoTools, type GoAvailability, goAvailable } from '../support/go/tools.ts';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * Appends a second, each durable and published before its caller goes on; beside Tessera's POSIX driver on
 * the same disk, with the same callers and entries of the same length.
 */

/** Bytes of an entry: those of a signed reading, the commonest there is. */
const entryBytes = 850;
/** Entries of a batch at most, ours and Tessera's default alike. */
const batch = 256;
/**
 * Callers at the same time, and how many entries they append together. A batch of Tessera's goes as soon as
 * it is full, or after this time: the best found of 1, 10, 50 and 250 ms.
 */
const loads = [
  { callers: 1, entries: 300, tesseraAge: '1ms' },
  { callers: 64, entries: 10_000, tesseraAge: '10ms' },
  { callers: 1_024, entries: 40_000, tesseraAge: '50ms' },
] as const;
type Load = (typeof loads)[number];

interface Appended {
  readonly entries: number;
  readonly seconds: number;
  readonly cpuSeconds?: number;
}

export const ledgerAppend: Bench = {
  name: 'ledger-append',
  title: 'Ledger: appends with fsync',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const go: GoAvailability = quick ? { ok: false, reason: 'a quick run builds nothing' } : goAvailable();
  let tessera: string | null = null;
  if (go.ok) {
    progress('building Tessera');
    mkdirSync(join(folder, 'bin'));
    tessera = (await buildGoTools(go.go, join(folder, 'bin'))).tesseraAppend;
  }
  let logs = 0;
  /** Appends to a log of its own. @returns entries a second */
  const measure = (
    append: (log: string) => Appended,
    entries: number,
  ): Appended & { readonly rate: number } => {
    const log = join(folder, `log-${logs++}`);
    mkdirSync(log);
    const appended = append(log);
    rmSync(log, { recursive: true });
    if (appended.entries !== entries) throw new Error('not every entry was appended');
    return { ...appended, rate: entries / appended.seconds };
  };
  const rows: BenchRow[] = [];
  for (const load of loads) {
    const { callers } = load;
    const entries = quick ? callers : load.entries;
    const [ours, cpu, theirs, published]: number[][] = [[], [], [], []];
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}: ${callers} callers`);
      const own = measure(
        (log) => runModule('ledger-append-child', [log, entries, callers, entryBytes].map(String), 'all'),
        entries,
      );
      ours?.push(own.rate);
      cpu?.push(((own.cpuSeconds ?? 0) / entries) * 1e6);
      if (tessera === null) continue;
      const peer = tessera;
      theirs?.push(measure((log) => runTessera(peer, log, load, entries, false), entries).rate);
      // A checkpoint comes every 100 ms at the most often: fewer entries, or it takes for ever.
      const fewer = Math.min(entries, callers * 20);
      published?.push(measure((log) => runTessera(peer, log, load, fewer, true), fewer).rate);
    }
    const name = callers === 1 ? 'one caller' : `${callers} callers`;
    const own = row(`${name}: Griffie, published`, 'entries/s', ours ?? []);
    const peer = row(`${name}: Tessera, integrated`, 'entries/s', theirs ?? []);
    rows.push(tessera === null ? own : { ...own, ratio: own.median / peer.median });
    rows.push(row(`${name}: Griffie, processor time`, 'µs/entry', cpu ?? []));
    if (tessera === null) continue;
    rows.push(peer, row(`${name}: Tessera, published`, 'entries/s', published ?? []));
  }
  return {
    rows,
    notes: [
      `entries of ${entryBytes} bytes; every file and folder synced by both; all cores`,
      `Griffie signs and publishes a checkpoint with every commit, of ${batch} entries at most, before it answers, and checks every entry against its schema`,
      'Tessera answers once an entry is in its durable tree (integrated; the ratio is to this), and publishes a checkpoint every 100 ms, the least it takes; its waiting for company was set to suit each load',
      ...(go.ok ? [] : [`Tessera was not measured: ${go.reason}`]),
    ],
  };
}

function runTessera(
  program: string,
  log: string,
  { callers, tesseraAge }: Load,
  entries: number,
  untilPublished: boolean,
): Appended {
  const options = {
    folder: log,
    entries,
    callers,
    bytes: entryBytes,
    batch: Math.min(callers, batch),
    age: tesseraAge,
    await: untilPublished,
  };
  const args = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}
