import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Replay } from '#shared/control';
import {
  barrierOf,
  createLedger,
  createNoteSigner,
  decodeEntry,
  emptyTree,
  encodeEntry,
  generateNoteKey,
  grow,
  judgeRecord,
  type LedgerEntry,
  LedgerError,
  type LedgerOrder,
  type LedgerStorage,
  type OrderedTree,
  recordsOf,
  verifyLog,
} from '#shared/ledger';
import {
  createMemoryOrder,
  createMemoryStorage,
  createOrderedLedger,
  type OrderedLedger,
  seedOrder,
} from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import { seededRandom } from '../../support/cluster/random.ts';
import { faultyOrder, type SendFate } from '../../support/faulty-order.ts';
import { entriesOf, entryOf } from '../../support/ledger-entries.ts';

vi.setConfig({ testTimeout: 60_000 });

const signer = createNoteSigner('log.example/griffie', generateNoteKey());
const verifiers = [signer.verifier];
const secret = Buffer.alloc(32, 7);
const key = { origin: signer.verifier.name, secret };

const open = (
  order: LedgerOrder,
  cache: LedgerStorage = createMemoryStorage(),
  logger = silentLogger,
): Promise<OrderedLedger> => createOrderedLedger({ order, cache, signer, secret, logger });

const told = async (ledger: OrderedLedger) => {
  const found: LedgerEntry[] = [];
  for await (const { entry } of ledger.entries()) found.push(entry);
  return found;
};
const reasons = (entries: readonly LedgerEntry[]) =>
  entries.map(({ kind, details }) => (kind === 'ledger.voided' ? details.reason : 'counts'));

async function untilSize(size: number, ...ledgers: readonly OrderedLedger[]): Promise<void> {
  for (let tries = 0; ledgers.some((ledger) => ledger.checkpoint().size < size); tries++) {
    if (tries > 2_000) throw new Error('did not follow');
    await sleep(5);
  }
}

describe('records that are judged', () => {
  const noLeaf = async () => false;
  const of = async (...entries: LedgerEntry[]): Promise<OrderedTree> => {
    let tree = emptyTree;
    for (const entry of entries) {
      const [record = null] = recordsOf([encodeEntry(entry)], tree, key);
      tree = grow(tree, await judgeRecord(record, tree, key, noLeaf), record);
    }
    return tree;
  };

  it('count on the tree that they name, and on no other one of the same size', async () => {
    const [tree, other] = [await of(entryOf(1)), await of(entryOf(2))];
    const [record = null] = recordsOf([encodeEntry(entryOf(3))], tree, key);
    expect(await judgeRecord(record, tree, key, noLeaf)).toMatchObject({ entry: { details: { n: 3 } } });
    await expect(judgeRecord(record, other, key, noLeaf)).rejects.toMatchObject({
      code: 'ledger.order_differs',
    });
  });

  it('count behind what is void, because that changed nothing, and not behind a barrier', async () => {
    const tree = await of(entryOf(1));
    const [record = null] = recordsOf([encodeEntry(entryOf(2))], tree, key);
    const stranger = Buffer.from('x');
    const behindVoid = grow(tree, await judgeRecord(stranger, tree, key, noLeaf), stranger);
    expect(behindVoid.size).toBe(2);
    expect((await judgeRecord(record, behindVoid, key, noLeaf)).voided).toBeUndefined();
    const barrier = barrierOf(tree, key);
    const behindBarrier = grow(tree, await judgeRecord(barrier, tree, key, noLeaf), barrier);
    expect((await judgeRecord(record, behindBarrier, key, noLeaf)).voided).toBe('overtaken');
  });

  it('of one append count directly behind each other, or not at all', async () => {
    const tree = await of(entryOf(1));
    const [one = null, two = null] = recordsOf([entryOf(2), entryOf(3)].map(encodeEntry), tree, key);
    expect((await judgeRecord(two, tree, key, noLeaf)).voided).toBe('overtaken');
    const behindOne = grow(tree, await judgeRecord(one, tree, key, noLeaf), one);
    expect((await judgeRecord(two, behindOne, key, noLeaf)).voided).toBeUndefined();
    const stranger = Buffer.from('x');
    const apart = grow(behindOne, await judgeRecord(stranger, behindOne, key, noLeaf), stranger);
    expect((await judgeRecord(two, apart, key, noLeaf)).voided).toBe('overtaken');
  });

  it('that name a longer tree than there is show that the order lost some', async () => {
    const [record = null] = recordsOf([encodeEntry(entryOf(3))], await of(entryOf(1), entryOf(2)), key);
    await expect(judgeRecord(record, await of(entryOf(1)), key, noLeaf)).rejects.toMatchObject({
      code: 'ledger.order_differs',
    });
  });

  it('of which any byte was changed are nobody’s, and stand there as that, with nothing of theirs', async () => {
    const tree = await of(entryOf(1));
    const [record = Buffer.of()] = recordsOf([encodeEntry(entryOf(2))], tree, key);
    await fc.assert(
      fc.asyncProperty(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Uint8Array.from(record);
        changed[at] = (changed[at] ?? 0) ^ by;
        const leaf = await judgeRecord(changed, tree, key, noLeaf);
        expect(leaf.voided).toBe('foreign');
        expect(leaf.entry.details).toEqual({ reason: 'foreign' });
      }),
      { numRuns: 300 },
    );
    for (const bytes of [null, Buffer.of(), Buffer.from('a@example.nl\n\n'), record.subarray(0, -1)]) {
      expect((await judgeRecord(bytes, tree, key, noLeaf)).voided).toBe('foreign');
    }
    const otherKey = { ...key, secret: Buffer.alloc(32, 8) };
    expect((await judgeRecord(record, tree, otherKey, noLeaf)).voided).toBe('foreign');
    const otherLog = { ...key, origin: 'log.example/other' };
    expect((await judgeRecord(record, tree, otherLog, noLeaf)).voided).toBe('foreign');
  });

  it('do not begin a ledger unless a replica wrote them', async () => {
    for (const bytes of [Buffer.from('x'), barrierOf(emptyTree, key)]) {
      await expect(judgeRecord(bytes, emptyTree, key, noLeaf)).rejects.toMatchObject({
        code: 'ledger.order_differs',
      });
    }
  });

  it('of a newer version stop an older replica, which must not say that they are void', async () => {
    const tree = await of(entryOf(1));
    const newer = Buffer.from(JSON.stringify({ ...entryOf(2), kind: 'future.kind' }));
    const [record = null] = recordsOf([newer], tree, key);
    await expect(judgeRecord(record, tree, key, noLeaf)).rejects.toMatchObject({
      code: 'ledger.entry_invalid',
    });
  });
});

describe('replicas over one order', () => {
  it('build the same tree, and the same bytes of a checkpoint for every size', async () => {
    const order = createMemoryOrder();
    const [a, b] = await Promise.all([open(order), open(order)]);
    await a.append(entriesOf(300).slice(0, 256));
    await untilSize(256, a, b);
    await b.append(entriesOf(10), { after: 256 });
    await untilSize(266, a, b);
    expect(b.checkpoint().note).toBe(a.checkpoint().note);
    await a.close();
    await b.close();
  });

  it('of two commands on one tree take the first, and say so to both', async () => {
    const order = createMemoryOrder();
    const [a, b] = await Promise.all([open(order), open(order)]);
    await a.append([entryOf(0)]);
    await untilSize(1, a, b);
    const answers = await Promise.allSettled([
      a.append([entryOf(1)], { after: 1 }),
      b.append([entryOf(2), entryOf(3)], { after: 1 }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(answers[1]).toMatchObject({ reason: { code: 'ledger.overtaken' } });
    await untilSize(4, a, b);
    expect(reasons(await told(b))).toEqual(['counts', 'counts', 'overtaken', 'overtaken']);
    expect(b.checkpoint().note).toBe(a.checkpoint().note);
    await a.close();
    await b.close();
  });

  it('both get on when both are busy', async () => {
    const order = createMemoryOrder();
    const ledgers = await Promise.all([open(order), open(order), open(order)]);
    let tries = 0;
    const work = async (ledger: OrderedLedger): Promise<void> => {
      for (let done = 0; done < 40; tries++) {
        const after = ledger.checkpoint().size;
        const isIn = await ledger.append([entryOf(done)], { after }).then(
          () => true,
          (error: unknown) => {
            if (error instanceof LedgerError && error.code === 'ledger.overtaken') return false;
            throw error;
          },
        );
        if (isIn) done++;
      }
    };
    await Promise.all(ledgers.map(work));
    // Of all that are sent at a time one counts, and the void ones hinder nobody.
    expect(tries).toBeLessThan(3.2 * 120);
    for (const ledger of ledgers) await ledger.close();
  });

  it('count a record once that comes twice', async () => {
    const inner = createMemoryOrder();
    const a = await open(faultyOrder(inner, () => 'twice', Math.random));
    await a.append([entryOf(0), entryOf(1)]);
    await untilSize(4, a);
    const entries = await told(a);
    expect(reasons(entries)).toEqual(['counts', 'counts', 'repeated', 'repeated']);
    const b = await open(inner);
    expect((await told(b)).slice(0, 4)).toEqual(entries);
    await a.close();
    await b.close();
  });

  it('stand a stranger’s record in the tree, without a byte of it, and go on', async () => {
    const order = createMemoryOrder();
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (members: unknown) => errors.push(members) };
    const [a, b] = [await open(order, createMemoryStorage(), logger), await open(order)];
    await a.append([entryOf(0)]);
    await order.send([Buffer.from('mallory@example.nl'), Buffer.from(JSON.stringify(entryOf(1)))]);
    await untilSize(3, a, b);
    await b.append([entryOf(2)], { after: 3 });
    await untilSize(4, a, b);
    expect(reasons(await told(a))).toEqual(['counts', 'foreign', 'foreign', 'counts']);
    expect(JSON.stringify(await told(a))).not.toContain('mallory');
    expect(errors).toContainEqual({ code: 'ledger.foreign_record', entryIndex: 1 });
    await a.close();
    await b.close();
  });

  it('give void entries that the replay of an auditor understands, and holds to their places', async () => {
    const order = createMemoryOrder();
    const a = await open(faultyOrder(order, () => 'twice', Math.random));
    await a.append([
      {
        ...entryOf(0),
        kind: 'ledger.started',
        details: { software: '0', audience: 'https://x', retentionPeriod: 'P6M', manifestKey: {} },
      },
    ]);
    await untilSize(2, a);
    const leaves = (await told(a)).map(encodeEntry);
    const honest = new Replay();
    await honest.take(leaves, 0);
    expect(honest.report()).toMatchObject({ entries: 2, counts: { 'ledger.voided': 1 }, problems: [] });
    const [first, second] = leaves.map((leaf) => decodeEntry(leaf));
    if (!first || !second) throw new Error('two entries');
    // It claims to have been decided on a tree that came only later.
    const lie = encodeEntry({ ...second, details: { ...second.details, after: 1 } });
    const replay = new Replay();
    await replay.take([encodeEntry(first), lie], 0);
    expect(replay.report().problems).toMatchObject([{ code: 'entry.decision', index: 1 }]);
    await a.close();
  });

  it('keep every acknowledged entry once, and no refused one, under every fault', async () => {
    const seeds = Number(process.env.SEEDS ?? 6);
    for (let seed = 1; seed <= seeds; seed++) await expectOneHistoryUnderFaults(seed);
  });
});

async function expectOneHistoryUnderFaults(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const inner = createMemoryOrder();
  const fates: SendFate[] = ['answer_lost', 'lost', 'twice', 'late'];
  let calm = false;
  const fate = (): SendFate =>
    calm || random() < 0.6 ? 'pass' : (fates[Math.floor(random() * fates.length)] ?? 'pass');
  const caches = [0, 1, 2].map(() => createMemoryStorage());
  const order = () => faultyOrder(inner, fate, random);
  const begun = await open(inner, caches[0]);
  await begun.append([entryOf(-1)]);
  await begun.close();
  const acknowledged: string[] = [];
  const refused: string[] = [];
  await Promise.all(
    caches.map(async (cache, replica) => {
      let ledger = await open(order(), cache);
      for (let n = 0; n < 12; n++) {
        const entries = entriesOf(1 + Math.floor(random() * 3), 1_000 * replica + 10 * n);
        const ids = entries.map(({ id }) => id);
        const after = ledger.checkpoint().size;
        await ledger.append(entries, { after }).then(
          () => acknowledged.push(...ids),
          (error: unknown) => {
            if (!(error instanceof LedgerError)) throw error;
            // In doubt they may be there or not; the others say that they are not.
            if (error.code !== 'ledger.in_doubt') refused.push(...ids);
          },
        );
        if (random() < 0.15) {
          await ledger.close();
          ledger = await open(order(), cache);
        }
        if (random() < 0.1) await inner.send([Buffer.from(`stranger ${random()}`)]);
      }
      await ledger.close();
    }),
  );
  calm = true;
  await sleep(100);
  // As far as the order goes now, from what is kept and from nothing.
  const level = await Promise.all(caches.map((cache) => open(inner, cache)));
  const anew = createMemoryStorage();
  level.push(await open(inner, anew));
  await untilSize((await inner.bounds()).end, ...level);
  const [first] = level;
  if (!first) throw new Error('a replica');
  const notes = new Set(level.map((ledger) => ledger.checkpoint().note));
  expect(notes.size, `seed ${seed}`).toBe(1);
  const entries = await told(first);
  const ids = entries.filter(({ kind }) => kind !== 'ledger.voided').map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(acknowledged));
  expect(ids.filter((id) => refused.includes(id))).toEqual([]);
  for (const cache of [...caches, anew]) {
    expect(await verifyLog(cache, { verifiers })).toMatchObject({ ok: true, problems: [] });
  }
  for (const ledger of level) await ledger.close();
}

describe('an append whose outcome is in doubt', () => {
  it('is settled before anything else is decided: what comes late is void', async () => {
    const inner = createMemoryOrder();
    let fate: SendFate = 'pass';
    let late: readonly Uint8Array[] = [];
    const order: LedgerOrder = {
      ...inner,
      send: async (records) => {
        if (fate === 'pass') return inner.send(records);
        late = records;
        fate = 'pass';
        throw new Error('no answer');
      },
    };
    const a = await open(order);
    await a.append([entryOf(0)]);
    fate = 'late';
    await expect(a.append([entryOf(1)], { after: 1 })).rejects.toMatchObject({ code: 'ledger.in_doubt' });
    await a.refresh();
    // From here on the ledger says that it is not in, and that is for ever.
    expect(reasons(await told(a))).toEqual(['counts', 'barrier']);
    await inner.send(late);
    await untilSize(3, a);
    expect(reasons(await told(a))).toEqual(['counts', 'barrier', 'overtaken']);
    await a.close();
  });

  it('of a process that was killed is settled by the next one’s start', async () => {
    const inner = createMemoryOrder();
    const cache = createMemoryStorage();
    const a = await open(inner, cache);
    await a.append([entryOf(0)]);
    await a.close();
    const entry = encodeEntry(entryOf(1));
    let tree = emptyTree;
    for (const found of await readAll(inner)) {
      tree = grow(tree, await judgeRecord(found, tree, key, async () => false), found);
    }
    const inFlight = recordsOf([entry], tree, key);
    const next = await open(inner, cache);
    expect(reasons(await told(next))).toEqual(['counts', 'barrier']);
    await inner.send(inFlight);
    await untilSize(3, next);
    expect(reasons(await told(next)).at(-1)).toBe('overtaken');
    await next.close();
  });

  it('is told at once while the order stays away, and the next append works when it is back', async () => {
    const inner = createMemoryOrder();
    let isAway = false;
    const order: LedgerOrder = {
      ...inner,
      send: async (records) => {
        if (isAway) throw new Error('away');
        return inner.send(records);
      },
    };
    const a = await open(order);
    await a.append([entryOf(0)]);
    isAway = true;
    await expect(a.append([entryOf(1)])).rejects.toMatchObject({ code: 'ledger.in_doubt' });
    const began = performance.now();
    for (let i = 0; i < 10; i++) {
      await expect(a.append([entryOf(2)])).rejects.toMatchObject({ code: 'ledger.unavailable' });
      await expect(a.refresh()).rejects.toMatchObject({ code: 'ledger.unavailable' });
    }
    expect(performance.now() - began).toBeLessThan(5_000);
    isAway = false;
    for (let tries = 0; ; tries++) {
      try {
        await a.append([entryOf(3)]);
        break;
      } catch (error) {
        if (tries > 100) throw error;
        await sleep(50);
      }
    }
    await a.close();
  });
});

async function readAll(order: LedgerOrder): Promise<(Uint8Array | null)[]> {
  const { end } = await order.bounds();
  const found: (Uint8Array | null)[] = [];
  let done = (): void => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const reading = order.follow(0, async (records) => {
    found.push(...records.map(({ bytes }) => bytes));
    if (found.length >= end) done();
  });
  await all;
  await reading.close();
  return found;
}

describe('an order that is not what the tree was built from is refused, and the sentence says why', () => {
  async function replicaOf(count: number) {
    const [order, cache] = [createMemoryOrder(), createMemoryStorage()];
    const ledger = await open(order, cache);
    await ledger.append(entriesOf(count));
    await ledger.close();
    return { order, cache };
  }
  const refusal = async (order: LedgerOrder, cache: LedgerStorage): Promise<string> => {
    const error = await open(order, cache).then(
      () => undefined,
      (fault: unknown) => fault,
    );
    expect(error).toMatchObject({ code: 'ledger.order_differs' });
    return error instanceof Error ? error.message : '';
  };

  it('cut, or made anew', async () => {
    const { cache } = await replicaOf(5);
    const { order: shorter } = await replicaOf(3);
    expect(await refusal(createMemoryOrder(), cache)).toContain(
      'has 0 records and this replica has followed 5',
    );
    expect(await refusal(shorter, cache)).toContain('has 3 records and this replica has followed 5');
  });

  it('rewritten', async () => {
    const { cache } = await replicaOf(5);
    const { order } = await replicaOf(5);
    expect(await refusal(order, cache)).toContain('Entry 4 of this replica');
  });

  it('of which the beginning was deleted', async () => {
    const { order, cache } = await replicaOf(5);
    const deleted = { ...order, bounds: async () => ({ first: 2, end: 5 }) };
    expect(await refusal(deleted, cache)).toContain('begins with record 2');
  });

  it('with a gap, as compaction or a transaction leaves one', async () => {
    const { order } = await replicaOf(5);
    const gapped: LedgerOrder = {
      ...order,
      follow: (from, take) =>
        order.follow(from, (records) => take(records.filter(({ place }) => place !== 3))),
    };
    expect(await refusal(gapped, createMemoryStorage())).toContain('record 4 where 3 was due');
  });

  it('of another installation', async () => {
    const { order } = await replicaOf(2);
    const other = createOrderedLedger({
      order,
      cache: createMemoryStorage(),
      signer,
      secret: Buffer.alloc(32, 9),
      logger: silentLogger,
    });
    await expect(other).rejects.toMatchObject({ code: 'ledger.order_differs' });
  });

  it('also while a replica runs, which then says why it ended', async () => {
    const { order, cache } = await replicaOf(5);
    let end = Number.POSITIVE_INFINITY;
    const cut: LedgerOrder = {
      ...order,
      bounds: async () => ({ first: 0, end: Math.min(end, (await order.bounds()).end) }),
    };
    const ledger = await open(cut, cache);
    end = 2;
    await expect(ledger.ask()).rejects.toMatchObject({ code: 'ledger.order_differs' });
    expect(await ledger.failed).toMatchObject({ code: 'ledger.order_differs' });
    await expect(ledger.append([entryOf(9)])).rejects.toMatchObject({ code: 'ledger.order_differs' });
    await ledger.close();
  });
});

describe('a ledger that moves from one process to several replicas', () => {
  it('has the same tree and checkpoint afterwards, also where it was cut off on the way', async () => {
    const cache = createMemoryStorage();
    const ledger = await createLedger({ storage: cache, signer });
    for (const count of [256, 256, 88]) await ledger.append(entriesOf(count));
    const { note } = ledger.checkpoint();
    await ledger.close();
    const inner = createMemoryOrder();
    let sends = 0;
    const cutOff: LedgerOrder = {
      ...inner,
      send: async (records) => {
        if (++sends > 1) throw new Error('cut off');
        await inner.send(records);
      },
    };
    const seed = (order: LedgerOrder) => seedOrder({ order, cache, signer, secret });
    await expect(seed(cutOff)).rejects.toThrow('cut off');
    expect(await seed(inner)).toBe(600 - 256);
    expect(await seed(inner)).toBe(0);
    const held: (readonly Uint8Array[])[] = [];
    const order: LedgerOrder = { ...inner, send: async (records) => void held.push(records) };
    // What a replica folds before its start's barrier is the same to the last byte.
    const anew = createMemoryStorage();
    const replica = createOrderedLedger({ order, cache: anew, signer, secret, logger: silentLogger });
    replica.catch(() => {});
    for (let tries = 0; held.length === 0 && tries < 1_000; tries++) await sleep(5);
    expect(Buffer.from((await anew.read('checkpoint')) ?? []).toString()).toBe(note);
    await inner.send(held[0] ?? []);
    await (await replica).close();
  });

  it('is refused by a topic that is another ledger’s, or has more than it', async () => {
    const cacheOf = async (count: number) => {
      const cache = createMemoryStorage();
      const ledger = await createLedger({ storage: cache, signer });
      await ledger.append(entriesOf(count));
      await ledger.close();
      return cache;
    };
    const order = createMemoryOrder();
    await seedOrder({ order, cache: await cacheOf(5), signer, secret });
    for (const count of [3, 9]) {
      const cache = await cacheOf(count);
      await expect(seedOrder({ order, cache, signer, secret })).rejects.toMatchObject({
        code: 'ledger.order_differs',
      });
    }
    const nothing = createMemoryStorage();
    await expect(seedOrder({ order, cache: nothing, signer, secret })).rejects.toThrow('no ledger');
  });
});

describe('a replica whose own disk is full', () => {
  it('acknowledges nothing, and everything once there is room', async () => {
    const inner = createMemoryStorage();
    let isFull = false;
    const cache: LedgerStorage = {
      ...inner,
      stage: async (files) => {
        if (isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        await inner.stage(files);
      },
    };
    const ledger = await open(createMemoryOrder(), cache);
    await ledger.append([entryOf(0)]);
    isFull = true;
    let isAnswered = false;
    const appended = ledger.append([entryOf(1)]).finally(() => {
      isAnswered = true;
    });
    await sleep(700);
    expect(isAnswered).toBe(false);
    expect(ledger.checkpoint().size).toBe(1);
    isFull = false;
    expect((await appended)[0]?.index).toBe(1);
    await ledger.close();
  });
});
