// Runs a collector with one webhook source until it is killed. Its bus is a file: a record is acknowledged
// once its line is on disk. Arguments: folder (secret, checkpoints, events), port. Standard input, a word a
// line: what the bus does from then on, `take`, `refuse` or `hang`. Prints its status and memory.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createCollector, sourceConfigSchema } from '#services/collector';
import { silentLogger, systemClock } from '#shared/runtime';

const [folder, port] = process.argv.slice(2);
const events = await open(join(folder, 'events.ndjson'), 'a');
// A kill may have cut the last line; what comes now begins on a line of its own.
await events.write('\n');

let mode = 'take';
let released = () => {};
process.stdin.setEncoding('utf8').on('data', (words) => {
  mode = words.trim().split('\n').at(-1);
  released();
});

const collector = createCollector({
  sources: [
    sourceConfigSchema.parse({
      id: 'hook',
      kind: 'webhook',
      listen: `127.0.0.1:${port}`,
      secrets: [{ scheme: 'bearer', file: join(folder, 'bearer') }],
      spoolBytes: 16 * 1024 * 1024,
    }),
  ],
  publisher: {
    async publish(_topic, records) {
      while (mode === 'hang') await new Promise((resolve) => (released = resolve));
      if (mode === 'refuse') throw Object.assign(new Error('planted'), { code: 'BUS_DOWN' });
      const lines = records.map((record) => `${Buffer.from(record.value).toString('utf8')}\n`);
      await events.write(lines.join(''));
      await events.datasync();
    },
  },
  stateDirectory: join(folder, 'state'),
  clock: systemClock,
  logger: silentLogger,
});
collector.start();
setInterval(() => {
  const [status] = collector.status();
  process.stdout.write(`${JSON.stringify({ ...status, rssBytes: process.memoryUsage.rss() })}\n`);
}, 50);
