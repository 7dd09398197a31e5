import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BatchBounds, type Bus, type OutgoingRecord, topics } from '#shared/bus';

export const record = (key: string, value: string): OutgoingRecord => ({ key, value: Buffer.from(value) });
const numbered = (count: number, key = 'k'): OutgoingRecord[] =>
  Array.from({ length: count }, (_, i) => record(key, `${key}${i}`));
const textOf = ({ value }: OutgoingRecord): string => Buffer.from(value).toString();

const bounds: BatchBounds = { maxRecords: 100, maxBytes: 100_000, maxWaitMs: 5 };

/** Waits for a condition that the bus brings about in its own time. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 2000) throw new Error('did not come about within 20 seconds');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What every adapter of the bus promises. `open` gives a bus whose topics are empty. */
export function busContract(name: string, open: () => Promise<Bus>): void {
  describe(`the bus contract: ${name}`, () => {
    let bus: Bus;
    beforeEach(async () => {
      bus = await open();
    });
    afterEach(() => bus.close());

    it('hands over every record with its key, bytes and topic', async () => {
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, bounds, async (batch) => {
        expect(batch.topic).toBe(topics.traffic);
        for (const r of batch.records) seen.push(`${r.topic} ${r.key} ${textOf(r)}`);
      });
      await bus.publish(topics.traffic, [record('a', '{"n":1}'), record('b', '\u{1F600}')]);
      await eventually(() => seen.length === 2);
      expect(seen).toEqual([`${topics.traffic} a {"n":1}`, `${topics.traffic} b \u{1F600}`]);
    });

    it('keeps records of one key in order', async () => {
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, { ...bounds, maxRecords: 7 }, async ({ records }) => {
        seen.push(...records.map(textOf));
      });
      for (let i = 0; i < 10; i++)
        await bus.publish(topics.traffic, [record('k', `${2 * i}`), record('k', `${2 * i + 1}`)]);
      await eventually(() => seen.length === 20);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    });

    it('gives each record coordinates of its own', async () => {
      const seen = new Set<string>();
      await bus.subscribe(topics.traffic, bounds, async ({ records }) => {
        for (const { coordinates } of records) seen.add(coordinates);
      });
      await Promise.all([
        bus.publish(topics.traffic, numbered(50)),
        bus.publish(topics.traffic, numbered(50, 'other')),
      ]);
      await eventually(() => seen.size === 100);
      for (const coordinates of seen) expect(coordinates).toMatch(/^mail\.traffic\.v1\/[^/]+\/\d+$/);
    });

    it('keeps batches within their bounds of records and bytes, and handles one at a time', async () => {
      const sizes: number[] = [];
      let running = 0;
      await bus.subscribe(
        topics.traffic,
        { maxRecords: 10, maxBytes: 50, maxWaitMs: 5 },
        async ({ records }) => {
          running += 1;
          expect(running).toBe(1);
          expect(records.reduce((sum, { value }) => sum + value.byteLength, 0)).toBeLessThanOrEqual(50);
          sizes.push(records.length);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running -= 1;
        },
      );
      await bus.publish(
        topics.traffic,
        Array.from({ length: 95 }, () => record('k', 'x')),
      );
      await bus.publish(
        topics.traffic,
        Array.from({ length: 9 }, () => record('k', 'x'.repeat(20))),
      );
      await eventually(() => sizes.reduce((sum, n) => sum + n, 0) === 104);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    });

    it('hands over a record that alone is over the bound of bytes', async () => {
      const seen: number[] = [];
      await bus.subscribe(topics.traffic, { ...bounds, maxBytes: 10 }, async ({ records }) => {
        seen.push(...records.map(({ value }) => value.byteLength));
      });
      await bus.publish(topics.traffic, [record('k', 'x'.repeat(100))]);
      await eventually(() => seen.length === 1);
    });

    it('sees every record handled after a handler failed, where the publisher repeats what was refused', async () => {
      const handled = new Set<string>();
      let failures = 3;
      await bus.subscribe(topics.traffic, { ...bounds, maxRecords: 4 }, async ({ records }) => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('not now');
        }
        for (const r of records) handled.add(textOf(r));
      });
      const records = numbered(10);
      for (let done = false; !done; ) {
        done = await bus.publish(topics.traffic, records).then(
          () => true,
          () => false,
        );
      }
      await eventually(() => handled.size === 10);
    });

    it('keeps topics apart', async () => {
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, bounds, async ({ records }) => {
        // A handler may publish to another topic before it is done: that is how rejects are recorded.
        await bus.publish(
          topics.rejected,
          records.map((r) => record(r.key, `rejected ${textOf(r)}`)),
        );
        seen.push(...records.map(textOf));
      });
      await bus.subscribe(topics.rejected, bounds, async ({ records }) => {
        seen.push(...records.map(textOf));
      });
      await bus.publish(topics.traffic, [record('k', 'one')]);
      await eventually(() => seen.length === 2);
      expect(seen.sort()).toEqual(['one', 'rejected one']);
    });

    it('hands a batch the note that the batch before left, and forgets that of a batch that failed', async () => {
      const seen: string[] = [];
      let failures = 1;
      await bus.subscribe(topics.traffic, { ...bounds, maxRecords: 1 }, async (batch) => {
        const text = batch.records.map(textOf).join();
        if (text === '2' && failures > 0) {
          failures -= 1;
          batch.keep('of a batch that failed');
          throw new Error('not now');
        }
        seen.push(`${text} after "${batch.note}"`);
        if (text !== '2') batch.keep(`note of ${text}`);
      });
      for (const text of ['1', '2', '3']) {
        while (
          await bus.publish(topics.traffic, [record('k', text)]).then(
            () => false,
            () => true,
          )
        );
      }
      await eventually(() => seen.length === 3);
      expect(seen).toEqual(['1 after ""', '2 after "note of 1"', '3 after "note of 1"']);
    });

    it('asks for a batch back when it closes, and waits until its handler is done with it', async () => {
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, bounds, async ({ released }) => {
        seen.push('waits');
        await new Promise((resolve) => released.addEventListener('abort', resolve));
        await new Promise((resolve) => setTimeout(resolve, 100));
        seen.push('done');
        throw new Error('given back');
      });
      const published = Promise.allSettled([bus.publish(topics.traffic, numbered(1))]);
      await eventually(() => seen.length === 1);
      await bus.close();
      expect(seen).toEqual(['waits', 'done']);
      await published;
    });

    it('handles what was published before it was closed, and refuses what comes after', async () => {
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, { ...bounds, maxWaitMs: 60_000 }, async ({ records }) => {
        seen.push(...records.map(textOf));
      });
      const published = bus.publish(topics.traffic, numbered(5));
      await bus.close();
      await published;
      await expect(bus.publish(topics.traffic, numbered(1))).rejects.toMatchObject({ code: 'bus.closed' });
      await bus.close();
    });
  });
}
