import { type BusPublisher, type OutgoingRecord, topics } from '#shared/bus';
import type { TrafficEvent } from '#shared/traffic';
import { pause } from '../sources/index.ts';
import type { Tell } from './teller.ts';

const firstDelayMs = 200;
const longestDelayMs = 30_000;

/** Events of one message or session share a key, so that they stay in order. */
export function recordOf(event: TrafficEvent): OutgoingRecord {
  return {
    key: `${event.host}|${event.queueId ?? event.sessionId ?? event.eventId}`,
    value: Buffer.from(JSON.stringify(event)),
  };
}

/** Exponential, bounded, with jitter, so that sources do not come back all at once. */
export function backoffMs(attempt: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 16)) * (0.5 + Math.random() / 2);
}

/**
 * Publishes until it is acknowledged, or the signal is raised after a try that failed.
 * @param onFailure told of each failed try.
 * @returns whether every record is durable.
 */
export async function publishUntilAcknowledged(
  publisher: BusPublisher,
  records: readonly OutgoingRecord[],
  signal: AbortSignal,
  onFailure: (error: unknown, attempt: number, delayMs: number) => void,
): Promise<boolean> {
  if (records.length === 0) return true;
  for (let attempt = 1; ; attempt++) {
    try {
      await publisher.publish(topics.traffic, records);
      return true;
    } catch (error) {
      const delayMs = backoffMs(attempt);
      onFailure(error, attempt, Math.round(delayMs));
      await pause(delayMs, signal);
      if (signal.aborted) return false;
    }
  }
}

/** Tells over the bus what was counted of sources and days, beside their events. */
export function tellOver(publisher: BusPublisher): Tell {
  return async (tallies) =>
    publisher.publish(
      topics.traffic,
      tallies.map((tally) => ({ key: `tally|${tally.sourceId}`, value: Buffer.from(JSON.stringify(tally)) })),
    );
}
