import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Kafka, KafkaConfig as KafkaJsConfig, SASLOptions } from 'kafkajs';
import type { Logger } from '#shared/runtime';
import type { KafkaConfig } from './config.ts';
import { kafkaLimits } from './limits.ts';

/**
 * A client of the cluster; nothing is connected yet. kafkajs is loaded here and no sooner: the embedded
 * default does without. Its log is reduced to that it complained and which part of it did, because its
 * messages quote addresses and errors.
 */
export async function openKafkaClient(config: KafkaConfig, logger: Logger): Promise<Kafka> {
  const { default: kafkajs } = await import('kafkajs');
  const { brokers, clientId, tls, sasl } = config;
  const options: KafkaJsConfig = {
    brokers,
    clientId,
    connectionTimeout: kafkaLimits.connectMs,
    requestTimeout: kafkaLimits.acknowledgeMs + kafkaLimits.connectMs,
    retry: kafkaLimits.retry,
    logLevel: kafkajs.logLevel.ERROR,
    logCreator:
      () =>
      ({ namespace }) =>
        logger.warn({ code: 'kafka.client', reason: namespace }, 'the Kafka client reported an error'),
    ssl: tls === false ? false : await readTls(tls),
    ...(sasl === undefined ? {} : { sasl: await readSasl(sasl) }),
  };
  return new kafkajs.Kafka(options);
}

async function readTls({ caFile, certFile, keyFile }: Exclude<KafkaConfig['tls'], false>) {
  const options: ConnectionOptions = { minVersion: 'TLSv1.2', rejectUnauthorized: true };
  if (caFile !== undefined) options.ca = await readFile(caFile);
  if (certFile !== undefined) options.cert = await readFile(certFile);
  if (keyFile !== undefined) options.key = await readFile(keyFile);
  return options;
}

/** One line break at the end of the file is not part of the password. */
async function readSasl({
  mechanism,
  username,
  passwordFile,
}: NonNullable<KafkaConfig['sasl']>): Promise<SASLOptions> {
  const password = (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '');
  return { mechanism, username, password };
}
