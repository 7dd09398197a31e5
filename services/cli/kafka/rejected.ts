import { createHash } from 'node:crypto';
import { fromRejectRecord } from '#services/ingester';
import { type BusPublisher, type KafkaConfig, type OutgoingRecord, readTopic, topics } from '#shared/bus';
import { silentLogger, utc } from '#shared/runtime';
import type { RejectedRecord } from '#shared/store';

/** Which rejected records are meant. Both lists empty mean all of them. */
export interface Selection {
  readonly reasons: readonly string[];
  readonly coordinates: readonly string[];
  /** Only what was rejected at this time or later, milliseconds since the epoch. */
  readonly since?: number;
}

/** Takes the selected records of the topic of rejects, as they are at the time of the call, fetch by fetch. */
export async function eachRejected(
  config: KafkaConfig,
  { reasons, coordinates, since }: Selection,
  now: number,
  take: (records: readonly RejectedRecord[]) => Promise<void>,
): Promise<void> {
  const wanted = new Set(coordinates);
  const reading = since === undefined ? {} : { since };
  await readTopic(
    config,
    topics.rejected,
    reading,
    async (records) => {
      const rejected = records.map((record) => fromRejectRecord(record, utc(now)));
      await take(
        rejected.filter(
          (record) =>
            (reasons.length === 0 || reasons.includes(record.reason)) &&
            (wanted.size === 0 || wanted.has(record.coordinates)),
        ),
      );
    },
    { logger: silentLogger },
  );
}

/** The record's bytes where they were kept whole; only the first are kept of a longer one. */
export function wholeValueOf({ valueBase64, valueBytes, valueSha256 }: RejectedRecord): Buffer | null {
  const value = Buffer.from(valueBase64, 'base64');
  if (value.byteLength !== valueBytes) return null;
  return createHash('sha256').update(value).digest('hex') === valueSha256 ? value : null;
}

/** Counts of all records by reason, and the last of them. */
export class RejectedSummary {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  #last: RejectedRecord[] = [];

  /** @param most records to keep */
  constructor(most: number) {
    this.#most = most;
  }

  add(records: readonly RejectedRecord[]): void {
    for (const { reason } of records) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    if (this.#most > 0) this.#last = [...this.#last, ...records].slice(-this.#most);
  }

  /** Most frequent first. */
  counts(): readonly (readonly [reason: string, count: number])[] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }

  total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Newest first. */
  last(): readonly RejectedRecord[] {
    return this.#last.toReversed();
  }
}

/** What became of the selected records in a replay. */
export interface ReplayCounts {
  /** Published to the traffic topic, or to be where nothing is published; by reason. */
  readonly published: Readonly<Record<string, number>>;
  /** The same bytes as one that was published. */
  readonly repeated: number;
  /** Only their first bytes were kept: their source has the rest. */
  readonly notWhole: number;
  /** Past their retention: they can never be stored again. */
  readonly expired: number;
  /** No record of ours: something else writes to the topic of rejects. */
  readonly foreign: number;
}

/**
 * Publishes rejected records to the traffic topic again, byte for byte. The event id makes an event that is
 * stored already harmless. One that is still refused comes to the topic of rejects again, under coordinates
 * of its own: this run ends with what was there when it began, and of the same bytes takes one, so that
 * neither one run nor many make the records more.
 */
export class Replay {
  readonly #publisher: BusPublisher | null;
  readonly #seen = new Set<string>();
  readonly #published = new Map<string, number>();
  #repeated = 0;
  #notWhole = 0;
  #expired = 0;
  #foreign = 0;

  /** @param publisher `null` only counts */
  constructor(publisher: BusPublisher | null) {
    this.#publisher = publisher;
  }

  /** Resolves once those that are published are durable. */
  async add(records: readonly RejectedRecord[]): Promise<void> {
    const chosen = records.flatMap((record) => {
      const outgoing = this.#choose(record);
      return outgoing === null ? [] : [{ reason: record.reason, outgoing }];
    });
    if (this.#publisher !== null && chosen.length > 0) {
      await this.#publisher.publish(
        topics.traffic,
        chosen.map(({ outgoing }) => outgoing),
      );
    }
    for (const { reason } of chosen) this.#published.set(reason, (this.#published.get(reason) ?? 0) + 1);
  }

  #choose(record: RejectedRecord): OutgoingRecord | null {
    const { reason, coordinates, valueSha256 } = record;
    if (reason === 'reject.malformed') {
      this.#foreign += 1;
      return null;
    }
    if (reason === 'retention.expired') {
      this.#expired += 1;
      return null;
    }
    const value = wholeValueOf(record);
    if (value === null) {
      this.#notWhole += 1;
      return null;
    }
    if (this.#seen.has(valueSha256)) {
      this.#repeated += 1;
      return null;
    }
    this.#seen.add(valueSha256);
    // The record's own key was not kept. Order is of no use to it: its neighbours are stored already.
    return { key: coordinates, value };
  }

  counts(): ReplayCounts {
    return {
      published: Object.fromEntries(this.#published),
      repeated: this.#repeated,
      notWhole: this.#notWhole,
      expired: this.#expired,
      foreign: this.#foreign,
    };
  }

  total(): number {
    return [...this.#published.values()].reduce((sum, count) => sum + count, 0);
  }
}
