import { describe, expect, it } from 'vitest';
import type { Found } from '../../bench/peers/found.ts';
import { createIndexes, createTable, selectByAddress } from '../../bench/peers/postgres-schema.ts';
import { agree, resultOf, type Way } from '../../bench/peers/result.ts';

const way = (program: string, ms: number, [rare, frequent] = [2, 500]): Way => ({
  program,
  kept: { bytes: 70_000, loadSeconds: 0.002 },
  lookups: {
    rare: [found(ms, rare)],
    frequent: [found(ms * 10, frequent)],
    running: [found(ms / 2, rare)],
  },
});
const found = (ms: number, count = 0): Found => ({ ms, count });

describe('ways to keep the same events', () => {
  it('are compared only where they found the same events', () => {
    const lines = way('zgrep', 1, [9, 900]).lookups;
    expect(() => agree([way('a', 1), way('b', 2)], lines)).not.toThrow();
    expect(() => agree([way('a', 1), way('b', 2, [2, 499])], lines)).toThrow('not the same events');
    expect(() => agree([way('a', 1)], way('zgrep', 1, [0, 900]).lookups)).toThrow('the logs lack');
  });

  it('are a table of the greatest size, with ratios to the first, and a plot over all sizes', () => {
    const measured = [
      { events: 100, days: 1, ways: [way('ours', 3), way('zgrep', 6)] },
      { events: 1000, days: 9, ways: [way('ours', 4), way('zgrep', 60)] },
    ];
    const { rows, series } = resultOf(measured);
    expect(rows.filter(({ name }) => name === 'rare address, from the disk')).toMatchObject([
      { program: 'ours', median: 4 },
      { program: 'zgrep', median: 60, ratio: 15 },
    ]);
    expect(rows.filter(({ name }) => name === 'size').map(({ median }) => median)).toEqual([70, 70]);
    expect(series?.filter(({ plot }) => plot === 'Lookup: frequent address, from the disk')).toMatchObject([
      {
        name: 'ours',
        points: [
          { x: 100, y: 30 },
          { x: 1000, y: 40 },
        ],
      },
      {
        name: 'zgrep',
        points: [
          { x: 100, y: 60 },
          { x: 1000, y: 600 },
        ],
      },
    ]);
  });
});

describe("PostgreSQL's table", () => {
  it('has the columns of ours, and refuses one that it would not know how to hold', () => {
    const columns = [
      { name: 'eventId', type: 'FixedString(16)' },
      { name: 'type', type: 'LowCardinality(String)' },
      { name: 'occurredAt', type: "DateTime64(3, 'UTC')" },
      { name: 'tls', type: 'Nullable(Bool)' },
    ];
    expect(createTable(columns)).toBe(
      'CREATE TABLE traffic ("eventId" uuid, "type" text, "occurredAt" timestamptz(3), "tls" boolean);',
    );
    expect(() => createTable([{ name: 'x', type: 'Array(String)' }])).toThrow('Array(String)');
  });

  it('has an index for each identifier that an order can name', () => {
    expect(createIndexes).toContain(
      'CREATE INDEX ON traffic (lower("senderAddress")) WHERE "senderAddress" IS NOT NULL;',
    );
    expect(createIndexes).toContain('CREATE INDEX ON traffic ("clientIp") WHERE "clientIp" IS NOT NULL;');
  });

  it('takes an address as a value', () => {
    expect(selectByAddress("o'hara@example.nl")).toContain(`lower("senderUser") = 'o''hara@example.nl'`);
  });
});
