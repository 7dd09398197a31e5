import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Ledger,
  type LedgerStorage,
  readTimestampIndex,
  timestampIndex,
  timestampPaths,
} from '#shared/ledger';
import { type Clock, codeOf, type Logger } from '#shared/runtime';
import { verifyTimestamp } from '#shared/timestamp';
import { type Authority, askForTimestamp, type StampFault } from './ask.ts';

/** How often it is looked whether the day has its stamp: so often a failed one is tried again. */
const defaultIntervalMs = 10 * 60_000;
/** Without a stamp for so long there is an alarm, and again as often. */
const overdueMs = 2 * 86_400_000;
/** How far this clock may be from the authority's before somebody should look. */
const toleratedOffsetMs = 60_000;

export interface StampingDeps {
  readonly authority: Authority;
  readonly ledger: Pick<Ledger, 'checkpoint'>;
  readonly files: Pick<LedgerStorage, 'read' | 'stage'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface StampingFigures {
  /** By the authority's clock, milliseconds since the epoch; 0 for none since the process began. */
  readonly lastAt: number;
  readonly isOverdue: boolean;
  readonly fault: StampFault | null;
  /** This clock less the authority's at the last stamp, in milliseconds. */
  readonly offsetMs: number;
}

/** Has the day's first checkpoint stamped by an authority. Nothing that the service does waits for it. */
export interface Stamping {
  figures(): StampingFigures;
  /** One look now; for tests. `start` makes them by itself. */
  look(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export function createStamping(deps: StampingDeps): Stamping {
  const { authority, ledger, files, clock, logger, intervalMs = defaultIntervalMs } = deps;
  const { fetch = globalThis.fetch } = deps;
  const stopping = new AbortController();
  const since = clock.now();
  let [lastAt, okAt, alarmedAt, offsetMs] = [0, since, 0, 0];
  let fault: StampFault | null = null;
  let running: Promise<void> = Promise.resolve();

  /** Whether the day has a stamp that holds. One that does not is made again. */
  async function isStamped(day: string): Promise<boolean> {
    const { checkpoint, stamp } = timestampPaths(day);
    const [note, response] = [await files.read(checkpoint), await files.read(stamp)];
    if (note === undefined || response === undefined || !(await isInIndex(day))) return false;
    const verified = verifyTimestamp(response, note, authority.anchors);
    if (verified.ok) lastAt = Math.max(lastAt, verified.time);
    return verified.ok;
  }

  async function isInIndex(day: string): Promise<boolean> {
    const text = Buffer.from((await files.read(timestampIndex)) ?? []).toString('utf8');
    return readTimestampIndex(text).includes(day);
  }

  async function indexWith(day: string): Promise<Uint8Array> {
    const text = Buffer.from((await files.read(timestampIndex)) ?? []).toString('utf8');
    const days = new Set([...readTimestampIndex(text), day]);
    return Buffer.from(
      [...days]
        .sort()
        .map((each) => `${each}\n`)
        .join(''),
    );
  }

  async function look(): Promise<void> {
    const now = clock.now();
    const day = new Date(now).toISOString().slice(0, 10);
    const head = ledger.checkpoint();
    if (head.size === 0) return;
    if (await isStamped(day)) {
      okAt = now;
      return;
    }
    const note = Buffer.from(head.note);
    const { signal } = stopping;
    const stamped = await askForTimestamp(note, authority, { fetch, signal });
    if (signal.aborted) return;
    if (stamped.ok) {
      const { checkpoint, stamp } = timestampPaths(day);
      // The index comes last: what it names is there.
      await files.stage([
        { path: checkpoint, bytes: note },
        { path: stamp, bytes: stamped.response },
      ]);
      await files.stage([{ path: timestampIndex, bytes: await indexWith(day) }]);
      lastAt = stamped.time;
      okAt = now;
      fault = null;
      offsetMs = now - stamped.time;
      if (Math.abs(offsetMs) > toleratedOffsetMs) {
        logger.warn(
          { code: 'timestamp.clock_differs' },
          'the clock is not that of the time-stamping authority',
        );
      }
    } else if (fault !== stamped.fault) {
      fault = stamped.fault;
      logger.warn({ code: fault }, 'the checkpoint of the day has no time stamp yet; it is tried again');
    }
    alarm(now);
  }

  const isOverdue = (now: number): boolean => now - okAt >= overdueMs;

  /** It must be heard, and must not stop what an order demands in hours. */
  function alarm(now: number): void {
    if (!isOverdue(now)) {
      alarmedAt = 0;
      return;
    }
    if (alarmedAt !== 0 && now - alarmedAt < overdueMs) return;
    alarmedAt = now;
    logger.error({ code: 'timestamp.overdue', durationMs: now - okAt }, 'no time stamp for two days');
  }

  async function run(): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      await look().catch((error: unknown) => {
        logger.error({ code: codeOf(error) }, 'a time stamp could not be kept');
      });
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  return {
    figures: () => ({ lastAt, isOverdue: isOverdue(clock.now()), fault, offsetMs }),
    look,
    start: () => {
      running = run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
