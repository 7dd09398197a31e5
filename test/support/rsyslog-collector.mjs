// Runs a collector of the raw topic until it is killed. Prints its source's status, a line each.
// Arguments: configuration of Kafka as JSON, folder of the checkpoints.
import { createCollector, sourceConfigSchema } from '#services/collector';
import { createKafkaBus } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';

const [kafkaText, stateDirectory] = process.argv.slice(2);
const kafka = JSON.parse(kafkaText);
const collector = createCollector({
  sources: [sourceConfigSchema.parse({ id: 'raw', kind: 'kafka-raw' })],
  publisher: await createKafkaBus(kafka, { logger: silentLogger }),
  stateDirectory,
  clock: systemClock,
  logger: silentLogger,
  kafka,
});
collector.start();
setInterval(() => process.stdout.write(`${JSON.stringify(collector.status()[0])}\n`), 100);
