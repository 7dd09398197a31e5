import { describe, it } from 'vitest';
import { type KafkaAvailability, type KafkaKind, kafkaAvailable, localBrokerAvailable } from './kafka.ts';

/**
 * `describe` for tests with a real broker. Where there is none, the tests are skipped and the name says why;
 * in CI that is a failure.
 */
export function describeWithKafka(name: string, body: (kind: KafkaKind) => void): void {
  describeWhere(kafkaAvailable(), name, body);
}

/** The same for tests that kill the broker, or start it with settings of their own: Java's alone will do. */
export function describeWithLocalBroker(name: string, body: () => void): void {
  describeWhere(localBrokerAvailable(), name, body);
}

function describeWhere(available: KafkaAvailability, name: string, body: (kind: KafkaKind) => void): void {
  if (available.ok) describe(`${name} (Kafka: ${available.kind})`, () => body(available.kind));
  else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`CI must run this: ${available.reason}`);
    });
  } else describe.skip(`${name} (skipped: ${available.reason})`, () => body('java'));
}
