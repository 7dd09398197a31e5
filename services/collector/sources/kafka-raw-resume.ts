import { z } from 'zod';
import { continueAt, type PartitionBounds } from '#shared/bus';
import { type Gap, SourceError } from './source.ts';

const schema = z.strictObject({
  topic: z.string(),
  /** Partitions that the topic had: those with higher numbers appeared since. */
  known: z.int().min(0),
  /** By partition: the first offset that was not delivered. */
  next: z.record(z.string().regex(/^\d{1,6}$/), z.string().regex(/^\d{1,19}$/)),
});

/** Where reading of a topic of raw lines goes on; part of the checkpoint. Offsets are decimal texts. */
export type KafkaRawResume = z.infer<typeof schema>;

export function parseKafkaRawResume(value: unknown, topic: string): KafkaRawResume {
  const result = schema.safeParse(value);
  if (result.success && result.data.topic === topic) return result.data;
  throw new SourceError(
    'SOURCE_RESUME_UNKNOWN',
    'the checkpoint is not one of this topic; was the kind or the topic of this source changed? Give the source a new id',
  );
}

/** Which partitions a source reads, and where it begins in one that it was newly given. */
export interface PartitionChoice {
  /** All that the topic has, and will have, where absent. */
  readonly partitions?: readonly number[];
  readonly from: 'beginning' | 'end';
}

export interface Beginning {
  readonly positions: ReadonlyMap<number, bigint>;
  readonly gaps: readonly Gap[];
}

/**
 * Where reading begins in each partition.
 * - One that was read before: where that ended, or with a gap where it is not there any more.
 * - One that the topic was given since, by a source that reads all: at its beginning, because nobody has read it.
 * - Any other: as configured.
 *
 * @param bounds of all partitions of the topic.
 * @throws SourceError `SOURCE_PARTITION_MISSING` where the topic has not what was asked for.
 */
export function beginningOf(
  resume: KafkaRawResume | undefined,
  bounds: readonly PartitionBounds[],
  { partitions, from }: PartitionChoice,
): Beginning {
  const positions = new Map<number, bigint>();
  const gaps: Gap[] = [];
  for (const partition of partitions ?? bounds.map((each) => each.partition)) {
    const there = bounds.find((each) => each.partition === partition);
    if (there === undefined) {
      throw new SourceError('SOURCE_PARTITION_MISSING', `the topic has no partition ${partition}`);
    }
    const isNew = partitions === undefined && resume !== undefined && partition >= resume.known;
    const before = resume?.next[partition];
    if (before === undefined && !isNew) {
      positions.set(partition, from === 'end' ? there.high : there.low);
      continue;
    }
    const wanted = BigInt(before ?? 0);
    const { next, gap } = continueAt(wanted, there);
    positions.set(partition, next);
    if (gap !== undefined) gaps.push({ kind: gap, position: `${partition}/${wanted}` });
  }
  return { positions, gaps };
}

/** The resume after these positions: the same object where nothing moved. Partitions not read now are kept. */
export function moved(resume: KafkaRawResume, positions: ReadonlyMap<number, bigint>): KafkaRawResume {
  const changed = [...positions].filter(([partition, next]) => resume.next[partition] !== String(next));
  if (changed.length === 0) return resume;
  const next = { ...resume.next };
  let { known } = resume;
  for (const [partition, offset] of changed) {
    next[partition] = String(offset);
    known = Math.max(known, partition + 1);
  }
  return { ...resume, known, next };
}
