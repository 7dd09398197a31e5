import { join } from 'node:path';
import type { BusPublisher, OutgoingRecord } from '#shared/bus';
import { type Clock, type Logger, utc } from '#shared/runtime';
import type { TrafficEvent } from '#shared/traffic';
import type { MailServerAdapter } from '../adapter.ts';
import {
  type Change,
  CheckpointError,
  type CheckpointStore,
  openCheckpointStore,
} from '../checkpoint/index.ts';
import type { SourceConfig } from '../config.ts';
import { type LineSource, pause, type SourceBatch } from '../sources/index.ts';
import { type CheckpointHeader, type Counters, emptyCounters, headerSchema } from './counters.ts';
import { DayTallies, type LineOutcome } from './day-tallies.ts';
import { backoffMs, publishUntilAcknowledged, recordOf } from './delivery.ts';
import { createLineProcessor, type LineProcessor } from './line-processor.ts';
import { type Listed, Listing } from './listing.ts';
import { createRecordParser, type RecordParser } from './record-parser.ts';
import { faultOf, type SourceFault, type SourceStatus } from './status.ts';
import { type Tell, Teller } from './teller.ts';

/*
 * One source, from lines to acknowledged events. The order of writes, in this one place:
 *
 *   1. read a batch of lines, or several where lines wait; parse and correlate them in memory
 *   2. publish their events; wait until every one is durable
 *   3. commit the checkpoint: position, correlation state, counters and lists, in one fsynced record
 *   4. from time to time, tell what was counted by day; it is the checkpoint that counts
 *
 * Killed before 2 or 3, the lines are read again from the last checkpoint with the state of the last
 * checkpoint, and give the same events with the same ids (at least once; readers see each once). There is
 * no moment at which the position is past a line whose events are not durable. Nothing is read ahead: a bus
 * that does not acknowledge holds one publication in memory.
 *
 * A fault anywhere in between ends the session; the next one starts from the checkpoint, as after a kill.
 */

/** Lines of one batch at most. */
const batchLines = 4_096;

/** Batches of one publication at most, where few events come of many lines. */
const batchesAtOnce = 64;

/** Kinds of sources whose lines have one format. */
const formats = { journal: 'journal-json', 'kafka-raw': 'raw-json' } as const;

/** How lines become publications, each of which is an insert where the bus is this process's memory. */
export interface Publications {
  /** Events up to which lines that wait go into one. They cost memory, some 4 kB each. */
  readonly events: number;
  /**
   * Least time between two of a source that is not behind, milliseconds. The sources of a process then publish
   * together.
   */
  readonly everyMs: number;
}

/** One batch of lines each (some 500 events), as soon as it is there. */
export const eachBatch: Publications = { events: 0, everyMs: 0 };

export interface SourceRunnerOptions {
  readonly config: SourceConfig;
  readonly host: string;
  readonly openSource: () => LineSource;
  readonly adapters: readonly MailServerAdapter[];
  readonly publisher: BusPublisher;
  readonly tell?: Tell | undefined;
  readonly publications: Publications;
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What lives between two reads of the checkpoint. */
interface Session {
  readonly store: CheckpointStore;
  readonly source: LineSource;
  readonly parser: RecordParser;
  readonly processor: LineProcessor;
  readonly tallies: DayTallies;
  readonly teller: Teller;
}

/** What was read since the last checkpoint. */
interface Gathered {
  readonly records: readonly OutgoingRecord[];
  /** No line, and no gap either. */
  readonly isEmpty: boolean;
  /** After the last batch. */
  readonly resume: unknown;
  readonly ended: boolean;
  /** Whether more may wait than there was room for. */
  readonly isFull: boolean;
}

export class SourceRunner {
  readonly #options: SourceRunnerOptions;
  readonly #abort = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #session: Session | undefined;
  #counters: Counters = emptyCounters();
  #notUnderstood = new Listing([]);
  #gaps = new Listing([]);
  #state: 'running' | 'stopped' | 'failed' = 'stopped';
  #fault: SourceFault | undefined;
  /** Counts the lines of the batch at hand. */
  #onLine: (outcome: LineOutcome, invalid: number) => void = () => {};

  constructor(options: SourceRunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#state = 'running';
    this.#done = this.#run();
  }

  /** Resolves when the batch at hand is committed or, where the bus does not answer, given up. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  /** Resolves when the source has ended or was stopped. */
  ended(): Promise<void> {
    return this.#done;
  }

  /** Lines that were not understood, newest first. */
  notUnderstood(): Listed[] {
    return this.#notUnderstood.entries();
  }

  status(): SourceStatus {
    const { config } = this.#options;
    const { lastLineMs, gaps, ...counters } = structuredClone(this.#counters);
    const progress = this.#session?.source.progress() ?? { state: 'waiting' };
    return {
      id: config.id,
      kind: config.kind,
      ...('path' in config && config.path !== undefined ? { path: config.path } : {}),
      state: this.#state === 'running' ? progress.state : this.#state,
      ...(progress.lagBytes === undefined ? {} : { lagBytes: progress.lagBytes }),
      ...(progress.lagLines === undefined ? {} : { lagLines: progress.lagLines }),
      ...(progress.requests === undefined ? {} : { requests: progress.requests }),
      ...(lastLineMs === null ? {} : { lastLineAt: utc(lastLineMs) }),
      ...counters,
      gapCount: gaps,
      gaps: this.#gaps.entries(),
      open: this.#session?.processor.openCount ?? 0,
      ...(this.#fault === undefined ? {} : { lastFault: this.#fault }),
    };
  }

  async #run(): Promise<void> {
    const { config, logger } = this.#options;
    const { signal } = this.#abort;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const linesBefore = this.#counters.lines;
      try {
        await this.#follow();
        break;
      } catch (error) {
        this.#state = 'failed';
        this.#noteFault(error);
        if (this.#counters.lines > linesBefore) attempt = 1;
        const delayMs = Math.round(backoffMs(attempt));
        logger.error({ source: config.id, code: this.#fault?.code ?? '', delayMs }, 'source failed');
        // What a stream gave cannot be had again by opening it again.
        if (config.kind === 'stdin') return;
        await pause(delayMs, signal);
      }
    }
    this.#state = 'stopped';
  }

  async #follow(): Promise<void> {
    const { config, stateDirectory, openSource } = this.#options;
    const { signal } = this.#abort;
    const store = await openCheckpointStore(join(stateDirectory, config.id));
    const source = openSource();
    try {
      const header = readHeader(store.header);
      const { parser, processor } = this.#restore(store, header, source);
      const resume = await source.open(header?.resume);
      const tallies = new DayTallies(config.id, store.entries('tally:'));
      const teller = new Teller(tallies, this.#options);
      const session = { store, source, parser, processor, tallies, teller };
      await this.#commit(session, resume);
      this.#session = session;
      this.#state = 'running';
      let committed = resume;
      for (;;) {
        const gathered = await this.#gather(session);
        if (!gathered.isEmpty || gathered.resume !== committed) {
          if (!(await this.#handle(session, gathered))) return;
          committed = gathered.resume;
        }
        const atEnd = gathered.ended || signal.aborted;
        await teller.tell(atEnd);
        if (atEnd) return;
        if (gathered.records.length > 0 && !gathered.isFull) await this.#untilNextTurn();
      }
    } finally {
      await source.close();
      await store.close();
    }
  }

  /** Lines that come meanwhile go into one publication. The turns of all sources of a process are the same. */
  #untilNextTurn(): Promise<void> {
    const { everyMs } = this.#options.publications;
    if (everyMs === 0) return Promise.resolve();
    return pause(everyMs - (performance.now() % everyMs), this.#abort.signal);
  }

  #restore(store: CheckpointStore, header: CheckpointHeader | undefined, source: LineSource) {
    const { config, host, adapters, clock } = this.#options;
    this.#counters = structuredClone(header?.counters) ?? emptyCounters();
    this.#notUnderstood = new Listing(store.entries('list:'));
    this.#gaps = new Listing(store.entries('gap:'));
    const parser = createRecordParser({
      format: 'format' in config ? config.format : formats[config.kind],
      software: config.software,
      timeZone: config.timeZone,
      host,
      referenceMs: () => source.writtenMs() ?? clock.now(),
      state: header?.parser ?? undefined,
    });
    const processor = createLineProcessor({
      sourceId: config.id,
      instance: config.instance,
      parser,
      adapters,
      state: (prefix) => store.entries(prefix),
      // Partitions mix differently each time that they are read; one host's lines are in one of them.
      // And several hosts' webhooks come as they come.
      byHost: config.kind === 'kafka-raw' || config.kind === 'webhook',
      counters: this.#counters,
      onLine: (outcome, invalid) => this.#onLine(outcome, invalid),
      onNotUnderstood: (reason, position) =>
        this.#notUnderstood.add({ reason, position, readAt: utc(clock.now()) }),
    });
    return { parser, processor };
  }

  /** One batch, and the next ones as long as lines wait and it is within bounds. */
  async #gather(session: Session): Promise<Gathered> {
    const { events } = this.#options.publications;
    const { signal } = this.#abort;
    const records: OutgoingRecord[] = [];
    let isEmpty = true;
    for (let batches = 1; ; batches++) {
      const batch = await session.source.read(batchLines, signal);
      isEmpty &&= batch.lines.length === 0 && batch.gaps.length === 0;
      for (const event of this.#take(session, batch)) records.push(recordOf(event));
      const isFull = batch.more === true && (records.length >= events || batches >= batchesAtOnce);
      if (batch.more !== true || isFull || signal.aborted) {
        return { records, isEmpty, resume: batch.resume, ended: batch.ended, isFull };
      }
    }
  }

  /** A batch's events; its gaps are counted and listed. */
  #take(session: Session, batch: SourceBatch): TrafficEvent[] {
    const { clock, config, logger } = this.#options;
    const now = utc(clock.now());
    const events = this.#process(session, batch, now);
    for (const gap of batch.gaps) {
      this.#counters.gaps++;
      this.#gaps.add({ reason: gap.kind, position: gap.position, readAt: now });
      logger.warn({ source: config.id, reason: gap.kind }, 'lines of a source may have been missed');
    }
    return events;
  }

  /** What was gathered, in the order of writes above; false where it was given up because of `stop()`. */
  async #handle(session: Session, { records, resume }: Gathered): Promise<boolean> {
    const { publisher, config, logger } = this.#options;
    const acknowledged = await publishUntilAcknowledged(
      publisher,
      records,
      this.#abort.signal,
      (error, attempt, delayMs) => {
        this.#noteFault(error);
        logger.warn(
          { source: config.id, code: this.#fault?.code ?? '', attempt, delayMs },
          'publishing failed',
        );
      },
    );
    if (!acknowledged) return false;
    await this.#commit(session, resume);
    this.#fault = undefined;
    return true;
  }

  #process({ processor, tallies }: Session, { lines, gaps }: SourceBatch, now: string): TrafficEvent[] {
    if (lines.length === 0 && gaps.length === 0) return [];
    const tally = tallies.on(now.slice(0, 10));
    this.#onLine = (outcome, invalid) => {
      tally[outcome]++;
      tally.invalid += invalid;
    };
    const events = lines.flatMap((line) => processor.process(line, now));
    tally.lines += lines.length;
    tally.events += events.length;
    tally.gaps += gaps.length;
    return events;
  }

  async #commit(session: Session, resume: unknown): Promise<void> {
    const changes: Change[] = [...session.processor.takeChanges()];
    for (const [slot, value] of this.#notUnderstood.takeChanges()) changes.push([`list:${slot}`, value]);
    for (const [slot, value] of this.#gaps.takeChanges()) changes.push([`gap:${slot}`, value]);
    for (const [day, value] of session.tallies.takeChanges()) changes.push([`tally:${day}`, value]);
    const header: CheckpointHeader = {
      version: 1,
      resume,
      parser: session.parser.state() ?? null,
      counters: this.#counters,
    };
    await session.store.commit(header, changes);
  }

  #noteFault(error: unknown): void {
    this.#fault = faultOf(error, utc(this.#options.clock.now()));
  }
}

function readHeader(value: unknown): CheckpointHeader | undefined {
  if (value === undefined) return undefined;
  const result = headerSchema.safeParse(value);
  if (result.success) return result.data;
  throw new CheckpointError(
    'CHECKPOINT_FOREIGN',
    'the checkpoint was written by another version of Griffie; use that version, or move the folder away to read the source from its configured beginning again',
  );
}
