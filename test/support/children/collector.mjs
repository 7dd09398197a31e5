// Runs a collector until it is killed. Its bus is a file: a record is acknowledged once its line is on disk.
// Arguments: path of the log, folder of the checkpoints, file of the events.
import { open } from 'node:fs/promises';
import { createCollector, sourceConfigSchema } from '#services/collector';
import { silentLogger, systemClock } from '#shared/runtime';

const [path, stateDirectory, eventsPath] = process.argv.slice(2);
const events = await open(eventsPath, 'a');
// A kill may have cut the last line; what comes now begins on a line of its own.
await events.write('\n');

const collector = createCollector({
  sources: [sourceConfigSchema.parse({ id: 'fault', kind: 'file', path, software: 'postfix' })],
  publisher: {
    async publish(_topic, records) {
      const lines = records.map((record) => `${Buffer.from(record.value).toString('utf8')}\n`);
      await events.write(lines.join(''));
      await events.datasync();
    },
  },
  stateDirectory,
  clock: systemClock,
  logger: silentLogger,
  timing: { pollMs: 5, settleMs: 40 },
});
collector.start();
process.stdout.write('ready\n');
setInterval(() => process.stdout.write(`${JSON.stringify(collector.status())}\n`), 50);
