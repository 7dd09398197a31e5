import { keepHeapSmall, silentLogger, systemClock } from '#shared/runtime';

/*
 * Child process of the benchmark: a collector that follows one file until it has read so many lines, and
 * whose bus takes everything at once. Prints what it saw as one JSON line.
 * Arguments: the log, the folder of checkpoints, the log's number of lines.
 */

keepHeapSmall();
const { createCollector, sourceConfigSchema } = await import('#services/collector');

const [path, stateDirectory = '', lines = '0'] = process.argv.slice(2);
const expected = Number(lines);
let published = 0;

const collector = createCollector({
  sources: [sourceConfigSchema.parse({ id: 'bench', kind: 'file', path, timeZone: 'Europe/Amsterdam' })],
  publisher: {
    async publish(_topic, records) {
      published += records.length;
    },
  },
  stateDirectory,
  clock: systemClock,
  logger: silentLogger,
});

const started = process.hrtime.bigint();
collector.start();
let [status] = collector.status();
while (status?.lines !== expected || status.lagBytes !== 0) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  [status] = collector.status();
  if (status?.lastFault !== undefined) throw new Error(status.lastFault.code);
}
const open = status.open;
await collector.stop();
const seconds = Number(process.hrtime.bigint() - started) / 1e9;

const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const report = {
  lines: status.lines,
  events: published,
  notUnderstood: Object.values(status.notUnderstood).reduce((sum, count) => sum + count, 0),
  open,
  seconds,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakRssBytes: maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
