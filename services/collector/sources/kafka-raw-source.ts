import { isUtf8 } from 'node:buffer';
import {
  type KafkaConfig,
  openRawReader,
  type RawReader,
  type RawRecord,
  readPartitionBounds,
} from '#shared/bus';
import type { Logger } from '#shared/runtime';
import {
  beginningOf,
  type KafkaRawResume,
  moved,
  type PartitionChoice,
  parseKafkaRawResume,
} from './kafka-raw-resume.ts';
import { type Gap, type LineSource, type SourceBatch, type SourceLine, sourceLimits } from './source.ts';

/*
 * Log lines that a syslog daemon has put into a topic. Each record is one line with its header, as JSON.
 *
 * The offsets are kept in the checkpoint together with the correlation state, and nowhere else: what is read
 * again after a crash meets the state that it met before. Kafka's group has one job, that one process reads
 * a source. Partitions are a source's by configuration, because its state is where its offsets are.
 *
 * Daemons send a line again when they cannot know whether it has arrived, and after a crash of theirs read
 * their files again. So a line is known by what it is (raw-record.ts), and not by where it stands: sent again, it
 * gives the same event ids at any distance, and within a million lines it is left out altogether, so that
 * correlators do not see a message begin or end twice. Its place, `partition/offset`, is what people are told.
 */

export interface KafkaRawSourceOptions extends PartitionChoice {
  readonly config: KafkaConfig;
  readonly sourceId: string;
  /** Without the prefix of the installation. */
  readonly topic: string;
  readonly logger: Logger;
}

export function createKafkaRawSource(options: KafkaRawSourceOptions): LineSource {
  return new KafkaRawSource(options);
}

/** JSON spells some characters with six. */
const maxValueBytes = 2 * sourceLimits.lineBytes;

class KafkaRawSource implements LineSource {
  readonly #options: KafkaRawSourceOptions;
  readonly #topicName: string;
  #reader: RawReader | undefined;
  #resume: KafkaRawResume;
  #gaps: readonly Gap[] = [];

  constructor(options: KafkaRawSourceOptions) {
    this.#options = options;
    this.#topicName = `${options.config.topicPrefix}${options.topic}`;
    this.#resume = { topic: this.#topicName, known: 0, next: {} };
  }

  async open(resume: unknown): Promise<unknown> {
    const { config, sourceId, partitions, logger } = this.#options;
    const before = resume === undefined ? undefined : parseKafkaRawResume(resume, this.#topicName);
    const bounds = await readPartitionBounds(config, this.#topicName, { logger });
    if (partitions !== undefined && before !== undefined && bounds.length > before.known) {
      logger.warn(
        { source: sourceId, count: bounds.length },
        'the topic has more partitions than before: see to it that each is read by one source',
      );
    }
    const { positions, gaps } = beginningOf(before, bounds, this.#options);
    this.#gaps = gaps;
    this.#reader = await openRawReader(
      config,
      {
        topicName: this.#topicName,
        groupId: `${config.topicPrefix}${config.consumerGroup}.raw.${sourceId}`,
        positions,
        ...(partitions === undefined ? {} : { partitions }),
      },
      { logger },
    );
    // A gap is told with the batch that moves over it, which is committed with it.
    this.#resume = before ?? moved({ ...this.#resume, known: bounds.length }, positions);
    return this.#resume;
  }

  async read(maxLines: number, signal: AbortSignal): Promise<SourceBatch> {
    if (this.#reader === undefined) throw new Error('the source is not open');
    const reading = await this.#reader.next(maxLines, sourceLimits.pollMs, signal);
    const gaps = [
      ...this.#gaps,
      ...reading.gaps.map(({ kind, partition, offset }) => ({ kind, position: `${partition}/${offset}` })),
    ];
    this.#gaps = [];
    this.#resume = moved(this.#resume, reading.positions);
    return { lines: reading.records.map(toLine), gaps, resume: this.#resume, ended: false };
  }

  progress() {
    const reader = this.#reader;
    return reader?.isReading === true
      ? ({ state: 'following', lagLines: reader.waiting } as const)
      : ({ state: 'waiting' } as const);
  }

  writtenMs(): undefined {}

  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close();
  }
}

function toLine({ partition, offset, value, timestampMs: writtenMs }: RawRecord): SourceLine {
  const bytes = value ?? Buffer.alloc(0);
  const line = { position: `${partition}/${offset}`, writtenMs };
  if (bytes.length > maxValueBytes) return { ...line, text: '', problem: 'line.too_long' };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return isUtf8(bytes) ? { ...line, text } : { ...line, text, problem: 'line.not_utf8' };
}
