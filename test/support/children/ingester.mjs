// Runs an ingester until it is killed. Arguments: brokers, prefix of the topics, address of the store, its clock.
import { createIngester } from '#services/ingester';
import { createKafkaBus, kafkaConfigSchema } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { createTrafficStore, defaultRetention, openServerDatabase } from '#shared/store';

const [brokers, topicPrefix, url, now] = process.argv.slice(2);
const config = kafkaConfigSchema.parse({ brokers: brokers.split(','), topicPrefix, tls: false });
const database = openServerDatabase({ url, username: 'default', password: '', database: 'default' });
const ingester = createIngester({
  bus: await createKafkaBus(config, { logger: silentLogger }),
  store: createTrafficStore(database, { retention: defaultRetention }),
  clock: { now: () => Number(now) },
  logger: silentLogger,
});
await ingester.start();
process.stdout.write('ready\n');
