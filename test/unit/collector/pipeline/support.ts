import type { BusPublisher, OutgoingRecord, Topic } from '#shared/bus';
import type { Clock } from '#shared/runtime';
import { silentLogger } from '#shared/runtime';
import { type EventDraft, type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import {
  type Collector,
  type CollectorDeps,
  type Correlator,
  createCollector,
  type LogRecord,
  type MailServerAdapter,
  type SourceConfigInput,
  sourceConfigSchema,
} from '../../../../services/collector/index.ts';

/** A publisher that keeps what it acknowledged, and refuses while it is told to. */
export class MemoryPublisher implements BusPublisher {
  readonly published: { topic: Topic; record: OutgoingRecord; event: TrafficEvent }[] = [];
  refuse = false;
  calls = 0;
  onPublish: () => Promise<void> = async () => {};

  async publish(topic: Topic, records: readonly OutgoingRecord[]): Promise<void> {
    this.calls++;
    if (this.refuse) throw Object.assign(new Error('planted: alice@example.org'), { code: 'BUS_DOWN' });
    await this.onPublish();
    for (const record of records) {
      const event = trafficEventSchema.parse(JSON.parse(Buffer.from(record.value).toString('utf8')));
      this.published.push({ topic, record, event });
    }
  }

  get events(): TrafficEvent[] {
    return this.published.map(({ event }) => event);
  }
}

/**
 * A mail server whose messages are `open <id>`, `more <id>` and `close <id>`: closing gives one event that
 * says how many lines the message had, so that lost or doubled state shows.
 */
export const countingAdapter: MailServerAdapter = {
  software: 'postfix',
  claims: (program) => program === 'counting',
  createCorrelator(state) {
    const open = new Map<string, number>([...state].map(([id, count]) => [id, Number(count)]));
    let changes = new Map<string, string | null>();
    const correlator: Correlator = {
      process(record) {
        const [verb, id = ''] = record.message.split(' ');
        if (verb === 'throw') throw new Error(`planted: ${record.message}`);
        if (verb === 'idle') return { kind: 'ignored' };
        if (!['open', 'more', 'close'].includes(verb ?? '')) {
          return { kind: 'notUnderstood', reason: 'postfix.unknown_verb' };
        }
        const count = (open.get(id) ?? 0) + 1;
        if (verb !== 'close') {
          open.set(id, count);
          changes.set(id, String(count));
          return { kind: 'understood', events: [] };
        }
        open.delete(id);
        changes.set(id, null);
        return { kind: 'understood', events: [draft(record, id, count)] };
      },
      takeChanges() {
        const taken = changes;
        changes = new Map();
        return taken;
      },
      get openCount() {
        return open.size;
      },
    };
    return correlator;
  },
};

function draft(record: LogRecord, id: string, count: number): EventDraft {
  return {
    type: 'message.accepted',
    occurredAt: new Date(record.timeMs).toISOString(),
    host: record.host,
    software: 'postfix',
    service: 'smtp',
    queueId: id,
    recipientCount: count,
    correlation: 'complete',
  };
}

export const logLine = (message: string): string =>
  `2026-11-22T10:00:00.000000+00:00 mx1 counting[7]: ${message}`;

export const fixedClock: Clock = { now: () => Date.UTC(2026, 10, 22, 12) };

export function startCollector(
  stateDirectory: string,
  publisher: BusPublisher,
  source: SourceConfigInput,
  deps: Partial<CollectorDeps> = {},
): Collector {
  const collector = createCollector({
    sources: [sourceConfigSchema.parse(source)],
    publisher,
    stateDirectory,
    clock: fixedClock,
    logger: silentLogger,
    timing: { pollMs: 3, settleMs: 20 },
    adapters: [countingAdapter],
    ...deps,
  });
  collector.start();
  return collector;
}

/** Waits until it is so, or fails after ten seconds. */
export async function until(what: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !what(); ) {
    if (Date.now() > deadline) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
