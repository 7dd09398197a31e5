import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';
import { disclosureSizes } from './disclosure-sizes.ts';
import { startModule } from './kafka-background.ts';
import { eventsPerMessage, isProbe, messageLines, probePrefix } from './kafka-latency-log.ts';

/*
 * Disclosures by the embedded default, from the request over HTTP to the sealed package, ledger entries
 * included; alone, and with a log that grows by 5,000 events a second at the same time. The log's delay is
 * from the appended line to the row in the answer of a query, looked for ten times a second.
 */

interface Report {
  readonly disclosures: readonly {
    readonly size: number;
    readonly requestedAt: number;
    readonly sealedAt: number;
  }[];
  readonly idleBytes: number;
  /** Peaks before the first request, and of all. */
  readonly warmBytes: number;
  readonly peakBytes: number;
  readonly seen: readonly (readonly [probe: string, atMs: number])[];
}

const rate = 5_000;
const warmUpMs = 8_000;
const [large] = disclosureSizes.slice(-1) as [number];
const wanted = { recordsPerSecond: 100_000, overIdleMb: 200, delaySeconds: 3 };

export const disclosure: Bench = {
  name: 'disclosure',
  title: 'Disclosure: from the request to the sealed package',
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, progress }: BenchOptions): Promise<BenchResult> {
  const times = new Map<number, number[]>(disclosureSizes.map((size) => [size, []]));
  const alone = { speeds: [] as number[], memory: [] as number[] };
  const beside = { speeds: [] as number[], memory: [] as number[], delays: [] as number[] };
  const background: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const data = join(folder, String(round));
    progress(`round ${round} of ${rounds}: filling the store`);
    runModule('disclosure-fill', [data, ...disclosureSizes.map(String)], 'all');
    progress(`round ${round} of ${rounds}: with ${rate} events/s beside it`);
    const busy = await measure(data, rate, [large]);
    beside.speeds.push(speedOf(busy.report));
    beside.memory.push((busy.report.peakBytes - busy.report.idleBytes) / 1e6);
    background.push((busy.report.warmBytes - busy.report.idleBytes) / 1e6);
    beside.delays.push(quantile(busy.delays, 0.99) / 1000);
    await rm(data, { recursive: true });

    runModule('disclosure-fill', [data, ...disclosureSizes.map(String)], 'all');
    progress(`round ${round} of ${rounds}: alone`);
    const { report } = await measure(data, 0, disclosureSizes);
    alone.speeds.push(speedOf(report));
    alone.memory.push((report.peakBytes - report.idleBytes) / 1e6);
    for (const { size, requestedAt, sealedAt } of report.disclosures) {
      times.get(size)?.push((sealedAt - requestedAt) / 1000);
    }
    await rm(data, { recursive: true });
  }
  const speed = row(`${large} records`, 'records/s', alone.speeds);
  const memory = row('peak memory of it over idle', 'MB', alone.memory);
  const besideSpeed = row(`${large} records, ${rate} events/s beside`, 'records/s', beside.speeds);
  const delay = row(`${rate} events/s beside it: 99 of 100 within`, 's', beside.delays);
  const fast = `at least ${wanted.recordsPerSecond} records/s`;
  return {
    rows: [
      promised(speed, fast, speed.median >= wanted.recordsPerSecond),
      promised(memory, `at most ${wanted.overIdleMb} MB`, memory.median <= wanted.overIdleMb),
      besideSpeed,
      promised(delay, `under ${wanted.delaySeconds} s`, delay.median < wanted.delaySeconds),
      row('peak memory of both over idle', 'MB', beside.memory),
      row(`of it by ${rate} events/s alone, before the request`, 'MB', background),
      ...disclosureSizes.map((size) =>
        row(`request to package, ${size} records`, 's', times.get(size) ?? []),
      ),
    ],
    notes: [
      `one process as \`griffie start\` runs it; ${2 * disclosureSizes.reduce((a, b) => a + b, 0)} events over 170 days in the store, each size to an address of its own, all categories; sealed means encrypted, signed, announced in the ledger and synced`,
      'idle is before the first request, with the engine open; the delay is of lines written between the request and the package',
    ],
  };
}

function speedOf({ disclosures }: Report): number {
  const last = disclosures.at(-1);
  if (last === undefined) throw new Error('nothing was disclosed');
  return (last.size / (last.sealedAt - last.requestedAt)) * 1000;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

/** Discloses the sizes in turn while a log grows at the rate, and takes the delays of what was written then. */
async function measure(
  data: string,
  eventsPerSecond: number,
  sizes: readonly number[],
): Promise<{ report: Report; delays: number[] }> {
  const log = `${data}.log`;
  const file = await open(log, 'w');
  const warmUp = eventsPerSecond > 0 ? warmUpMs : 0;
  const child = await startModule<Report>('disclosure-child', [
    data,
    log,
    String(warmUp),
    ...sizes.map(String),
  ]);
  const writtenAt = new Map<string, number>();
  const started = Date.now();
  /** Long enough for the slowest release that would still be worth measuring. */
  const writeMs = eventsPerSecond > 0 ? warmUpMs + 20_000 : 0;
  for (let written = 0; Date.now() - started < writeMs; await sleep(5)) {
    const due = Math.floor(((Date.now() - started) * eventsPerSecond) / 1000 / eventsPerMessage);
    const from = written;
    const at = new Date().toISOString();
    const lines: string[] = [];
    while (written < due) lines.push(messageLines(written++, at));
    await file.appendFile(lines.join(''));
    const now = Date.now();
    for (let n = from; n < written; n++) if (isProbe(n)) writtenAt.set(`${probePrefix}${n}@example.nl`, now);
  }
  await file.close();
  const report = await child.end(JSON.stringify({ probes: writtenAt.size }));
  await rm(log);
  const seen = new Map(report.seen);
  const [begin, end] = [report.disclosures[0]?.requestedAt ?? 0, report.disclosures.at(-1)?.sealedAt ?? 0];
  const delays = [...writtenAt]
    .filter(([, atMs]) => atMs >= begin && atMs <= end)
    .map(([probe, atMs]) => (seen.get(probe) ?? Number.POSITIVE_INFINITY) - atMs);
  return { report, delays };
}
