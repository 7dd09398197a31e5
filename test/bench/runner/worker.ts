import { benches } from '../benches.ts';
import type { WorkerMessage, WorkerOptions } from './messages.ts';

/*
 * The process of one benchmark: heap, engine and end are its own, and whoever shows how it goes is not held
 * up by it. Arguments: name of the benchmark, options as JSON.
 */

const [name = '', options = ''] = process.argv.slice(2);

async function run({ quick, ...others }: WorkerOptions): Promise<WorkerMessage> {
  const bench = benches.find((bench) => bench.name === name);
  if (bench === undefined) throw new Error(`There is no benchmark ${name}`);
  if (quick && bench.hasQuick !== true) return { kind: 'skipped', reason: 'it has no quick mode' };
  const missing = bench.missing?.() ?? null;
  if (missing !== null) return { kind: 'skipped', reason: missing };
  const result = await bench.run({ ...others, quick, progress: (what) => tell({ kind: 'progress', what }) });
  if (result.rows.length > 0) return { kind: 'done', result };
  return { kind: 'skipped', reason: result.notes[0] ?? 'it measured nothing' };
}

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

// By `exit`, so that what holds itself to the process's end goes with it.
process.once('SIGTERM', () => process.exit(143));
process.once('disconnect', () => process.exit(1));
const last = await run(JSON.parse(options) as WorkerOptions).catch((error: unknown): WorkerMessage => {
  return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
});
process.send?.(last, () => process.exit());
