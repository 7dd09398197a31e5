import { expect, it } from 'vitest';
import type { LedgerOrder, OrderedRecord, OrderReading } from '#shared/ledger';

/** Collects what a reading gives. */
function collect(order: LedgerOrder, from: number) {
  const found: OrderedRecord[] = [];
  let wake = (): void => {};
  const reading: OrderReading = order.follow(from, async (records) => {
    found.push(...records);
    wake();
  });
  const until = async (count: number): Promise<OrderedRecord[]> => {
    while (found.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return found;
  };
  return { reading, until };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (records: readonly OrderedRecord[]): string[] =>
  records.map(({ place, bytes }) => `${place} ${Buffer.from(bytes ?? []).toString()}`);

/** What every order of records promises. */
export function orderContract(create: () => Promise<LedgerOrder>): void {
  it('gives every reader the same records at the same places, from wherever it begins', async () => {
    const order = await create();
    expect(await order.bounds()).toEqual({ first: 0, end: 0 });
    const whole = collect(order, 0);
    await order.send([bytes('a'), bytes('b')]);
    await order.send([bytes('c')]);
    expect(texts(await whole.until(3))).toEqual(['0 a', '1 b', '2 c']);
    expect(await order.bounds()).toEqual({ first: 0, end: 3 });
    const later = collect(order, 2);
    await order.send([bytes('d')]);
    expect(texts(await later.until(2))).toEqual(['2 c', '3 d']);
    expect(texts(await whole.until(4))).toEqual(['0 a', '1 b', '2 c', '3 d']);
    await Promise.all([whole.reading.close(), later.reading.close()]);
    await order.close();
  });

  it('keeps the records of one send together, whoever sends at the same time', async () => {
    const order = await create();
    const lots = Array.from({ length: 12 }, (_, i) => [0, 1, 2, 3, 4].map((n) => bytes(`${i}.${n}`)));
    await Promise.all(lots.map((lot) => order.send(lot)));
    const { reading, until } = collect(order, 0);
    const found = (await until(60)).map((record) => Buffer.from(record.bytes ?? []).toString());
    for (const lot of lots) {
      const names = lot.map((each) => Buffer.from(each).toString());
      const start = found.indexOf(names[0] ?? '');
      expect(found.slice(start, start + 5)).toEqual(names);
    }
    await reading.close();
    await order.close();
  });

  it('ends a reading whose taker refuses, and says why', async () => {
    const order = await create();
    await order.send([bytes('a')]);
    const refusal = new Error('not that');
    const reading = order.follow(0, () => Promise.reject(refusal));
    expect(await reading.ended).toBe(refusal);
    await reading.close();
    await order.close();
  });
}
