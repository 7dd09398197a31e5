import { describe, expect, it } from 'vitest';
import {
  beginningOf,
  type KafkaRawResume,
  moved,
  parseKafkaRawResume,
} from '../../../../services/collector/sources/kafka-raw-resume.ts';

const bounds = [
  { partition: 0, low: 10n, high: 100n },
  { partition: 1, low: 0n, high: 0n },
  { partition: 2, low: 5n, high: 50n },
];
const resume: KafkaRawResume = { topic: 'mail.raw.v1', known: 2, next: { 0: '40', 1: '0' } };
const positionsOf = (...args: Parameters<typeof beginningOf>) =>
  Object.fromEntries(beginningOf(...args).positions);

describe('where reading of a raw topic begins', () => {
  it('is what the configuration says, the first time', () => {
    expect(positionsOf(undefined, bounds, { from: 'beginning' })).toEqual({ 0: 10n, 1: 0n, 2: 5n });
    expect(positionsOf(undefined, bounds, { from: 'end' })).toEqual({ 0: 100n, 1: 0n, 2: 50n });
    expect(positionsOf(undefined, bounds, { from: 'end', partitions: [2] })).toEqual({ 2: 50n });
  });

  it('is where it ended before, whatever the configuration says', () => {
    expect(positionsOf(resume, bounds.slice(0, 2), { from: 'end' })).toEqual({ 0: 40n, 1: 0n });
  });

  it('is the beginning of a partition that the topic was given since, by a source that reads all', () => {
    const { positions, gaps } = beginningOf(resume, bounds, { from: 'end' });
    expect(positions.get(2)).toBe(5n);
    // What expired of it was read by nobody.
    expect(gaps).toEqual([{ kind: 'lost', position: '2/0' }]);
  });

  it('is what the configuration says in a partition that it was newly given', () => {
    const { positions, gaps } = beginningOf(resume, bounds, { from: 'end', partitions: [0, 2] });
    expect(Object.fromEntries(positions)).toEqual({ 0: 40n, 2: 50n });
    expect(gaps).toEqual([]);
  });

  it.each([
    ['expired', '9', 10n, 'lost'],
    ['is past the end: the topic was made anew', '101', 10n, 'truncated'],
  ])('is a gap where the place %s', (_, before, next, kind) => {
    const there = { ...resume, next: { 0: before } };
    const found = beginningOf(there, bounds.slice(0, 1), { from: 'end' });
    expect(found.positions.get(0)).toBe(next);
    expect(found.gaps).toEqual([{ kind, position: `0/${before}` }]);
  });

  it('is no gap at the very first and the very next offset', () => {
    for (const before of ['10', '100']) {
      const { gaps } = beginningOf({ ...resume, next: { 0: before } }, bounds.slice(0, 1), { from: 'end' });
      expect(gaps).toEqual([]);
    }
  });

  it('refuses a partition that the topic has not', () => {
    expect(() => beginningOf(undefined, bounds, { from: 'end', partitions: [3] })).toThrow(
      expect.objectContaining({ code: 'SOURCE_PARTITION_MISSING' }),
    );
  });
});

describe('the place in a raw topic', () => {
  it('is the same object while nothing moves, and keeps partitions that are not read now', () => {
    expect(moved(resume, new Map([[0, 40n]]))).toBe(resume);
    expect(moved(resume, new Map([[5, 7n]]))).toEqual({
      topic: 'mail.raw.v1',
      known: 6,
      next: { 0: '40', 1: '0', 5: '7' },
    });
  });

  it('is read back from the checkpoint, of this topic alone', () => {
    const stored: unknown = JSON.parse(JSON.stringify(resume));
    expect(parseKafkaRawResume(stored, 'mail.raw.v1')).toEqual(resume);
    for (const [value, topic] of [
      [stored, 'other'],
      [{ generation: 1, offset: 0 }, 'mail.raw.v1'],
      [{ ...resume, next: { 0: '-1' } }, 'mail.raw.v1'],
    ] as const) {
      expect(() => parseKafkaRawResume(value, topic)).toThrow(
        expect.objectContaining({ code: 'SOURCE_RESUME_UNKNOWN' }),
      );
    }
  });
});
