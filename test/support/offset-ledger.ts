import { AsyncLocalStorage } from 'node:async_hooks';
import { type Bus, type BusBatch, topics } from '#shared/bus';
import type { TestTopic } from './kafka-topic.ts';

/** Which member did what with which offsets of the traffic topic, in the order in which it happened. */
export interface OffsetLedger {
  /** The bus, with what its handlers do written down. */
  watch(member: string, bus: Bus): Bus;
  /** To be called by the member's store, once an insert is done. */
  inserted(member: string): void;
  /** Offsets that a member inserted, as `partition:offset`. */
  insertedBy(member: string): Set<string>;
  /** Offsets that were inserted more than once, by one member or by several. */
  repeated(): number;
  /** Batches that a member gave back. */
  givenBackBy(member: string): number;
  /** Compares the group's commits with the ledger until `stop`, and gives what was wrong. */
  audit(topic: TestTopic): { readonly stop: () => Promise<readonly string[]> };
}

interface Entry {
  readonly member: string;
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

const offsetsOf = ({ partition, first, last }: Entry): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${partition}:${first + i}`);

/**
 * One insert is one batch, but which one is at work is not told to the store: its handlers are told apart by
 * `AsyncLocalStorage`.
 */
export function createOffsetLedger(): OffsetLedger {
  const current = new AsyncLocalStorage<Entry>();
  const done: Entry[] = [];
  const givenBack: Entry[] = [];

  const entryOf = (member: string, { range = '' }: BusBatch): Entry => {
    const [, partition, first, last] = /\/(\d+)\/(\d+)-(\d+)$/.exec(range) ?? [];
    return { member, partition: Number(partition), first: Number(first), last: Number(last) };
  };

  /** Up to where all offsets of a partition were inserted by somebody. */
  function insertedUpTo(partition: number): number {
    let next = 0;
    const entries = done.filter((entry) => entry.partition === partition).sort((a, b) => a.first - b.first);
    for (const { first, last } of entries) if (first <= next) next = Math.max(next, last + 1);
    return next;
  }

  return {
    watch: (member, bus) => ({
      publish: (topic, records) => bus.publish(topic, records),
      close: () => bus.close(),
      subscribe: (topic, bounds, handle) =>
        bus.subscribe(topic, bounds, async (batch) => {
          if (topic !== topics.traffic) return handle(batch);
          const entry = entryOf(member, batch);
          try {
            await current.run(entry, () => handle(batch));
          } catch (error) {
            givenBack.push(entry);
            throw error;
          }
        }),
    }),

    inserted(member) {
      const entry = current.getStore();
      if (entry?.member !== member) throw new Error('an insert outside of a batch');
      done.push(entry);
    },

    insertedBy: (member) => new Set(done.filter((entry) => entry.member === member).flatMap(offsetsOf)),

    repeated() {
      const offsets = done.flatMap(offsetsOf);
      return offsets.length - new Set(offsets).size;
    },

    givenBackBy: (member) => givenBack.filter((entry) => entry.member === member).length,

    audit(topic) {
      const wrong: string[] = [];
      let before: number[] = [];
      let stopped = false;
      const auditing = (async () => {
        while (!stopped) {
          const committed = await topic.committed();
          for (const [partition, offset] of committed.entries()) {
            const inserted = insertedUpTo(partition);
            if (offset > inserted) wrong.push(`${partition}: ${offset} committed, ${inserted} inserted`);
            const last = before[partition] ?? 0;
            if (offset < last) wrong.push(`${partition}: ${offset} committed after ${last}`);
          }
          before = committed;
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      })();
      return {
        async stop() {
          stopped = true;
          await auditing;
          return wrong;
        },
      };
    },
  };
}
