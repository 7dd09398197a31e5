import type { KafkaMessage } from 'kafkajs';
import type { BatchBounds, BusRecord, Topic } from '../bus.ts';

const nothing = new Uint8Array(0);

/** A record of the bus, as it stood in its partition. A value that is null (a tombstone) has no bytes. */
export function toBusRecord(topic: Topic, partition: number, message: KafkaMessage): BusRecord {
  return {
    topic,
    key: message.key?.toString('utf8') ?? '',
    value: message.value ?? nothing,
    coordinates: `${topic}/${partition}/${message.offset}`,
  };
}

/** What was fetched of one partition, in order, as batches within the bounds; a record alone may be over. */
export function* splitToBounds(
  messages: readonly KafkaMessage[],
  { maxRecords, maxBytes }: BatchBounds,
): Generator<readonly KafkaMessage[]> {
  let batch: KafkaMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = message.value?.byteLength ?? 0;
    if (batch.length >= maxRecords || (batch.length > 0 && bytes + size > maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
