import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '#shared/bus';
import type { RejectedRecord } from '#shared/store';
import { RejectedSummary, Replay, wholeValueOf } from '../../../services/cli/kafka/rejected.ts';
import { run } from './support.ts';

function rejectedRecord(value: string, changes: Partial<RejectedRecord> = {}): RejectedRecord {
  return {
    coordinates: `mail.traffic.v1/0/${value.length}`,
    reason: 'schema.version',
    rejectedAt: '2026-06-01T00:00:00.000Z',
    valueBase64: Buffer.from(value).toString('base64'),
    valueBytes: Buffer.byteLength(value),
    valueSha256: createHash('sha256').update(value).digest('hex'),
    ...changes,
  };
}

/** What a replay would publish, and its counts. */
async function replayed(...batches: readonly RejectedRecord[][]) {
  const published: OutgoingRecord[] = [];
  const replay = new Replay({
    publish: async (_, records) => void published.push(...records),
  });
  for (const batch of batches) await replay.add(batch);
  return { values: published.map(({ value }) => Buffer.from(value).toString()), counts: replay.counts() };
}

describe('a replay of rejected records', () => {
  it('publishes exactly the bytes that were rejected, each once, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' })), async (values) => {
        const { values: published } = await replayed(values.map((value) => rejectedRecord(value)));
        const distinct = [...new Set(values.map((value) => Buffer.from(value).toString()))];
        expect(published).toEqual(distinct);
      }),
    );
  });

  it('leaves what was not kept whole, or is not what was hashed', async () => {
    const cut = rejectedRecord('a value', { valueBytes: 9000 });
    const changed = rejectedRecord('a value', { valueBase64: Buffer.from('another').toString('base64') });
    expect([cut, changed].map(wholeValueOf)).toEqual([null, null]);
    const { values, counts } = await replayed([cut], [changed]);
    expect([values, counts.notWhole]).toEqual([[], 2]);
  });

  it('leaves what can never be stored again, and what is no record of ours', async () => {
    const { values, counts } = await replayed([
      rejectedRecord('old', { reason: 'retention.expired' }),
      rejectedRecord('foreign', { reason: 'reject.malformed' }),
    ]);
    expect(values).toEqual([]);
    expect(counts).toMatchObject({ expired: 1, foreign: 1, published: {} });
  });

  it('counts as published only what was acknowledged', async () => {
    const replay = new Replay({ publish: () => Promise.reject(new Error('brokers are away')) });
    await expect(replay.add([rejectedRecord('v')])).rejects.toThrow('brokers are away');
    expect(replay.total()).toBe(0);
  });
});

describe('a summary of rejected records', () => {
  it('counts all and keeps the last', () => {
    const summary = new RejectedSummary(2);
    summary.add(['a', 'bb', 'ccc'].map((value) => rejectedRecord(value)));
    summary.add([rejectedRecord('dddd', { reason: 'record.malformed' })]);
    expect(summary.counts()).toEqual([
      ['schema.version', 3],
      ['record.malformed', 1],
    ]);
    expect(summary.last().map(({ valueBytes }) => valueBytes)).toEqual([4, 3]);
  });
});

describe('wrong use of griffie rejected', () => {
  it.each([
    ['a reason that is none', ['list', '--reason', 'Bad Reason'], 'schema.version'],
    ['too many records', ['list', '--limit', '10001'], '10000'],
    ['a time without its zone', ['list', '--since', '2026-06-01T00:00:00'], 'zone'],
    ['a replay of nothing in particular', ['replay'], '--all'],
    ['no brokers', ['list'], 'KAFKA_BROKERS'],
  ])('%s', async (_, args, hint) => {
    const { exitCode, stderr, stdout } = await run(['rejected', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(hint);
  });
});
