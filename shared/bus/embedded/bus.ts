import { randomUUID } from 'node:crypto';
import type { Bus, Topic } from '../bus.ts';
import { BusError } from '../errors.ts';
import { TopicQueue } from '../topic-queue.ts';

/**
 * The bus in one process. Nothing is kept: `publish` resolves after the subscriber's handler did so for all
 * of its records, and rejects with `bus.not_handled` where it did not, so that the publisher is the one who
 * delivers again. Records of one key stay in order for a publisher who waits for each publication.
 *
 * Publishing to a topic without a subscriber is an error, since nobody could acknowledge.
 */
export function createEmbeddedBus(): Bus {
  const queues = new Map<Topic, TopicQueue>();
  /** Offsets start again with the process; its own partition name keeps coordinates unique. */
  const partition = randomUUID();
  let closed = false;

  const assertOpen = (): void => {
    if (closed) throw new BusError('bus.closed', 'The bus is closed');
  };

  return {
    async publish(topic, records) {
      assertOpen();
      const queue = queues.get(topic);
      if (queue === undefined) {
        throw new BusError('bus.no_subscriber', `Nobody subscribed to ${topic}; start its consumer first`);
      }
      await queue.publish(records);
    },

    async subscribe(topic, bounds, handle) {
      assertOpen();
      if (queues.has(topic)) {
        throw new BusError('bus.subscribed_twice', `${topic} has a subscriber already`);
      }
      queues.set(topic, new TopicQueue(topic, partition, bounds, handle));
    },

    async close() {
      closed = true;
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
