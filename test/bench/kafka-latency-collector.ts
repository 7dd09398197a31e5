import { createCollector, sourceConfigSchema } from '#services/collector';
import { createKafkaBus, type KafkaConfigInput, kafkaConfigSchema } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';

/*
 * Child process of the benchmark: a collector that follows one file and publishes to Kafka until its
 * standard input ends. Arguments: the log, the folder of checkpoints, the Kafka configuration as JSON.
 */

const [path, stateDirectory = '', configText = '{}'] = process.argv.slice(2);
const config = kafkaConfigSchema.parse(JSON.parse(configText) as KafkaConfigInput);
const bus = await createKafkaBus(config, { logger: silentLogger });
const collector = createCollector({
  sources: [sourceConfigSchema.parse({ id: 'bench', kind: 'file', path })],
  publisher: bus,
  stateDirectory,
  clock: systemClock,
  logger: silentLogger,
});
collector.start();
process.stdout.write('ready\n');
for await (const _ of process.stdin);
await collector.stop();
await bus.close();
const { userCPUTime, systemCPUTime } = process.resourceUsage();
const report = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, notUnderstood: 0 };
for (const { notUnderstood } of collector.status()) {
  for (const count of Object.values(notUnderstood)) report.notUnderstood += count;
}
process.stdout.write(`${JSON.stringify(report)}\n`);
