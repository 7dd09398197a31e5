import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Ledger,
  readTimestampIndex,
  timestampFolder,
  timestampIndex,
  timestampPaths,
} from '#shared/ledger';
import {
  type Clock,
  codeOf,
  type Logger,
  makePrivateFolder,
  syncFolder,
  writeFileDurably,
} from '#shared/runtime';
import { verifyTimestamp } from '#shared/timestamp';
import { type Authority, askForTimestamp, type StampFault } from './ask.ts';

const dayMs = 86_400_000;

/** How often it is looked whether the day has its stamp: so often a failed one is tried again. */
const defaultIntervalMs = 10 * 60_000;
/** Without a stamp for so long there is an alarm, and again as often. */
const overdueMs = 2 * dayMs;
/** How far this clock may be from the authority's before somebody should look. */
const toleratedOffsetMs = 60_000;

export interface StampingDeps {
  readonly authority: Authority;
  readonly ledger: Pick<Ledger, 'checkpoint'>;
  /** The ledger's folder, beside whose tiles the stamps are kept, so that a copy of it has them. */
  readonly folder: string;
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
  const { authority, ledger, folder, clock, logger, intervalMs = defaultIntervalMs } = deps;
  const { fetch = globalThis.fetch } = deps;
  const stopping = new AbortController();
  const since = clock.now();
  let [lastAt, okAt, alarmedAt, offsetMs] = [0, since, 0, 0];
  let fault: StampFault | null = null;
  let isFirstLook = true;
  let running: Promise<void> = Promise.resolve();

  /** Whether the day has a stamp that holds. One that does not is made again. */
  async function isStamped(day: string): Promise<boolean> {
    const { checkpoint, stamp } = timestampPaths(day);
    const [note, response] = [await read(checkpoint), await read(stamp)];
    if (note === null || response === null || !(await indexed()).includes(day)) return false;
    const verified = verifyTimestamp(response, note, authority.anchors);
    if (verified.ok) lastAt = Math.max(lastAt, verified.time);
    return verified.ok;
  }

  /** The index comes last: what it names is there. */
  async function keep(day: string, note: Uint8Array, response: Uint8Array): Promise<void> {
    const { checkpoint, stamp } = timestampPaths(day);
    await makePrivateFolder(join(folder, timestampFolder));
    await syncFolder(folder);
    await writeFileDurably(join(folder, checkpoint), note);
    await writeFileDurably(join(folder, stamp), response);
    const days = new Set([...(await indexed()), day]);
    await writeFileDurably(
      join(folder, timestampIndex),
      [...days]
        .sort()
        .map((each) => `${each}\n`)
        .join(''),
    );
  }

  const indexed = async (): Promise<string[]> =>
    readTimestampIndex((await read(timestampIndex))?.toString('utf8') ?? '');

  async function read(path: string): Promise<Buffer | null> {
    try {
      return await readFile(join(folder, path));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  async function look(): Promise<void> {
    const now = clock.now();
    const day = new Date(now).toISOString().slice(0, 10);
    const head = ledger.checkpoint();
    if (head.size === 0) return;
    if (isFirstLook) {
      // Days without a stamp count across restarts.
      const last = (await indexed()).at(-1);
      if (last !== undefined) okAt = Math.min(okAt, Date.parse(last) + dayMs);
      isFirstLook = false;
    }
    if (await isStamped(day)) {
      okAt = now;
      return;
    }
    const note = Buffer.from(head.note);
    const { signal } = stopping;
    const stamped = await askForTimestamp(note, authority, { fetch, signal });
    if (signal.aborted) return;
    if (stamped.ok) {
      await keep(day, note, stamped.response);
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
