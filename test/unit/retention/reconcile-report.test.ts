import { describe, expect, it } from 'vitest';
import { reconcileEntries } from '../../../services/cli/reconcile/report.ts';

const id = (n: number): string => `01939f3a-7b1c-7cc3-9d20-${String(n).padStart(12, '0')}`;
const day = '2096-11-20';

function entry(index: number, kind: string, details: object) {
  const actor = { service: 'retention' };
  const at = `2097-05-21T00:00:0${index}.000Z`;
  return { index, entry: { v: 1, kind, id: id(index), at, actor, subject: id(index), details } } as never;
}
const counted = (index: number, stored: number) =>
  entry(index, 'retention.reconciled', {
    ...{ policyVersion: 1, day, part: 0, rows: stored, differing: stored === 3 ? 0 : 1 },
    sources: [
      {
        ...{ source: 'mx1', lines: 3, repeated: 0, ignored: 0, notUnderstood: 0, understood: 3, gaps: 0 },
        ...{ invalid: 0, events: 3, stored, rows: stored, again: 0, rejected: 0, readAnew: 0 },
      },
    ],
  });
const released = (index: number, records: number) =>
  entry(index, 'disclosure.released', {
    ...{ orderId: id(90), packageId: id(91), records, parts: 1, bytes: 100, completeness: 'complete' },
    manifestSha256: 'a'.repeat(64),
    origins: [{ source: 'mx1', from: day, records: [records] }],
    holds: [id(92)],
  });
async function told(...entries: readonly never[]): Promise<readonly string[]> {
  async function* all() {
    yield* entries;
  }
  return (await reconcileEntries(all(), {})).differences;
}

describe('what packages have of a day', () => {
  const lost = `${day} mx1: 1 of 3 events are neither stored nor refused`;

  it('is no difference up to what was ever stored of it, whatever was counted last', async () => {
    expect(await told(counted(0, 3), released(1, 3))).toEqual([]);
    expect(await told(counted(0, 3), released(1, 3), counted(2, 2))).toEqual([lost]);
    expect(await told(counted(0, 3), counted(1, 2), released(2, 3))).toEqual([lost]);
  });

  it('is one where it is more', async () => {
    const more = (records: number, most: number): string =>
      `${day} mx1: entry 2 released ${records} records, and ${most} were stored`;
    expect(await told(counted(0, 3), counted(1, 2), released(2, 4))).toEqual([more(4, 3), lost]);
    expect(await told(counted(0, 2), counted(1, 2), released(2, 3))).toEqual([more(3, 2), lost]);
  });
});
