import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, row } from './bench.ts';
import { canPin, runModule, withFolder } from './child.ts';
import { startModule } from './kafka-background.ts';
import { type Loaded, type ServerReport, signatureKinds } from './signed-requests-kinds.ts';

/*
 * Signed requests that are verified, recorded durably and answered, with the whole service on one core and those
 * who ask on another; beside a bare Fastify that answers the same bytes to anybody, on the same core, asked in the
 * same way, and beside what jose verifies there when it does nothing else.
 */

const full = { callers: 32, requests: 1_000 };
const small = { callers: 8, requests: 80 };

export const signedRequests: Bench = {
  name: 'signed-requests',
  title: 'Signed requests: verified, recorded and answered, on one core',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const load = quick ? small : full;
  const figures = new Map<string, number[]>();
  const keep = (name: string, value: number): void => {
    figures.set(name, [...(figures.get(name) ?? []), value]);
  };
  const ask = (...signed: readonly string[]): Loaded =>
    runModule<Loaded>(
      'signed-requests-load',
      [String(load.callers), String(load.requests), ...signed],
      'another',
    );
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: bare Fastify`);
    const bare = await startModule<ServerReport>('signed-requests-bare', [], 'one');
    const plain = ask();
    await bare.end();
    keep('bare rate', plain.rate);
    keep('bare p99', plain.p99Ms);
    const served = await startModule<ServerReport>(
      'signed-requests-child',
      [join(folder, String(round)), String(load.requests)],
      'one',
    );
    for (const kind of signatureKinds) {
      progress(`round ${round} of ${rounds}: ${kind}`);
      const loaded = ask(join(folder, String(round)), kind);
      keep(`${kind} rate`, loaded.rate);
      keep(`${kind} p99`, loaded.p99Ms);
    }
    const { idleBytes, peakBytes } = await served.end();
    keep('memory', (peakBytes - idleBytes) / 1e6);
    keep('resident', peakBytes / 1e6);
    for (const kind of signatureKinds) {
      progress(`round ${round} of ${rounds}: jose alone, ${kind}`);
      const { rate } = runModule<{ rate: number }>(
        'signed-requests-jose',
        [kind, String(quick ? 100 : 5_000)],
        'one',
      );
      keep(`${kind} jose`, rate);
    }
  }
  const figure = (name: string, unit: string, key: string) => row(name, unit, figures.get(key) ?? []);
  const bare = figure('bare Fastify', 'requests/s', 'bare rate');
  return {
    rows: [
      ...signatureKinds.flatMap((kind) => {
        const rate = figure(`${kind}: requests`, 'requests/s', `${kind} rate`);
        return [
          { ...rate, ratio: rate.median / bare.median },
          figure(`${kind}: 99 of 100 answered within`, 'ms', `${kind} p99`),
          figure(`${kind}: jose alone`, 'verifications/s', `${kind} jose`),
        ];
      }),
      bare,
      figure('bare Fastify: 99 of 100 answered within', 'ms', 'bare p99'),
      figure('memory over idle, at most', 'MB', 'memory'),
      figure('memory, at most', 'MB', 'resident'),
    ],
    notes: [
      `${load.callers} callers, ${load.requests} requests of each kind, signed beforehand, over connections that stay open; each is an entry of the ledger, synced before the answer`,
      'the service is one process as `griffie start` runs it, with the embedded engine; the ratio is to bare Fastify, which verifies and records nothing',
      canPin
        ? 'server on one core, callers on another'
        : 'taskset is not here: no process was kept to a core',
    ],
  };
}
