// The process of a benchmark that ends as its name says: what the runner must live with.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const name = process.argv[2];
const row = { name: 'speed', unit: 'events/s', median: 2, min: 1, max: 3 };
const requirement = { text: 'at least 5', met: false };
const leave = (last) => process.send(last, () => process.exit());

/** A process that would outlive us, and a file that would stay; where they are is told. */
function litter() {
  const folder = mkdtempSync(join(tmpdir(), 'litter-'));
  writeFileSync(join(folder, 'file'), 'x');
  const child = spawn('sleep', ['600'], { stdio: 'inherit' });
  process.send({ kind: 'progress', what: `${child.pid} ${folder}` });
}

const ends = {
  done: () => leave({ kind: 'done', result: { rows: [row], notes: ['a note'] } }),
  unkept: () => leave({ kind: 'done', result: { rows: [{ ...row, requirement }], notes: [] } }),
  never: () =>
    leave({ kind: 'done', result: { rows: [{ ...row, max: Number.POSITIVE_INFINITY }], notes: [] } }),
  skipped: () => leave({ kind: 'skipped', reason: 'needs what is not here' }),
  failed() {
    process.stderr.write('what it said of itself\n');
    leave({ kind: 'failed', reason: 'the tables differ' });
  },
  killed: () => process.kill(process.pid, 'SIGKILL'),
  littering() {
    litter();
    ends.done();
  },
  waiting() {
    litter();
    setInterval(() => {}, 1000);
  },
};
ends[name]();
