import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { openEmbeddedDatabase } from '#shared/store';
import { withFolder } from '../child.ts';
import { logOf } from './lines.ts';

/* Generated traffic as a mail log, on standard output. */

const help = `Usage: node dist/test/bench/generate/main.js [--events N] [--days N] [--start YYYY-MM-DD] [--seed N] > mail.log

Writes the log lines of Postfix and Dovecot of about N events (default 10000) on N days (default 1).
The same seed gives the same log.
`;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000' },
    days: { type: 'string', default: '1' },
    start: { type: 'string', default: '2026-06-01' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
const plan = {
  events: Number(values.events),
  days: Number(values.days),
  start: Date.parse(`${values.start}T00:00:00.000Z`),
  seed: Number(values.seed),
};
if (values.help) {
  process.stdout.write(help);
} else if (!Object.values(plan).every((value) => Number.isSafeInteger(value) && value > 0)) {
  process.stderr.write(`Numbers are whole and above 0, the start is a date.\n\n${help}`);
  process.exitCode = 2;
} else {
  await withFolder(async (folder) => {
    const database = await openEmbeddedDatabase({ folder });
    for await (const chunk of logOf(database, plan)) {
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    }
    await database.close();
  });
}
