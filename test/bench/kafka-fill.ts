import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseStream } from '#services/collector';
import {
  createKafkaBus,
  type KafkaConfigInput,
  kafkaConfigSchema,
  type OutgoingRecord,
  topics,
} from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import { writeLog } from './postfix-log.ts';

const perPublication = 10_000;

/** The topic that was filled. */
export interface Filled {
  /** Mean size of an event's JSON. */
  readonly meanBytes: number;
  /** File of the first publication's events, a line each. */
  readonly sample: string;
}

/** Two events a message, and some. */
export const messagesFor = (events: number): number => Math.ceil(events / 2.2);

/** Publishes so many events of a generated Postfix log, as the collector makes them. */
export async function fillTopic(config: KafkaConfigInput, folder: string, events: number): Promise<Filled> {
  const log = join(folder, 'mail.log');
  const sample = join(folder, 'sample.ndjson');
  await writeLog(log, { messages: messagesFor(events), concurrent: 300 });
  const bus = await createKafkaBus(kafkaConfigSchema.parse(config), { logger: silentLogger });
  let made = 0;
  let bytes = 0;
  let records: OutgoingRecord[] = [];
  const parsed = parseStream('postfix', createReadStream(log), { clock: systemClock });
  for await (const event of parsed.events) {
    const value = Buffer.from(JSON.stringify(event));
    bytes += value.byteLength;
    made += 1;
    records.push({ key: `${event.host}|${event.queueId ?? event.eventId}`, value });
    if (records.length === perPublication || made === events) {
      if (made === perPublication) await writeFile(sample, records.map(({ value }) => value).join('\n'));
      await bus.publish(topics.traffic, records);
      records = [];
    }
    if (made === events) break;
  }
  await bus.close();
  if (made < events) throw new Error(`the log gave ${made} events, not ${events}`);
  return { meanBytes: bytes / made, sample };
}
