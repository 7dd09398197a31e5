import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfigInput } from '#shared/bus';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, promised, row } from './bench.ts';
import { withFolder } from './child.ts';
import { startModule } from './kafka-background.ts';
import { brokerMissing, makeTopics, partitions, withBroker } from './kafka-broker.ts';
import { eventsPerMessage, isProbe, messageLines, probePrefix } from './kafka-latency-log.ts';

/*
 * The time from a line in a log file to its row in the answer of a query: a writer that appends at a given
 * rate, the collector in a process of its own, Kafka, the ingester with its engine in another. One message
 * in a hundred is a probe; the ingester's process asks the engine for probes after every insert. A probe's
 * delay ends when the answer that has it is there, so that the query is in it.
 */

interface IngesterReport {
  readonly seen: readonly (readonly [probe: string, atMs: number])[];
  readonly inserted: number;
  readonly batches: number;
  readonly medianLookMs: number;
  readonly cpuSeconds: number;
}

interface CollectorReport {
  readonly cpuSeconds: number;
  readonly notUnderstood: number;
}

interface Measured {
  /** Milliseconds, of every probe that was written after the warm-up; Infinity for one that never came. */
  readonly delays: readonly number[];
  readonly ingester: IngesterReport;
  readonly collector: CollectorReport;
  readonly writtenEvents: number;
  readonly writerBehindMs: number;
}

const fullLoad = { rates: [5_000, 20_000], warmUpMs: 8_000, measureMs: 20_000 };
const quickLoad = { rates: [1_000], warmUpMs: 1_000, measureMs: 2_000 };
const maxSeconds = 2;

export const kafkaLatency: Bench = {
  name: 'kafka-latency',
  title: 'Delay: from a line in the log, through Kafka, to a row that a query finds',
  hasQuick: true,
  missing: brokerMissing,
  async run(options) {
    options.progress('starting the broker');
    return withFolder((folder) => withBroker((config) => run(folder, config, options)));
  },
};

async function run(folder: string, config: KafkaConfigInput, options: BenchOptions): Promise<BenchResult> {
  const { rates, ...times } = options.quick ? quickLoad : fullLoad;
  const { warmUpMs, measureMs } = times;
  const rows: BenchRow[] = [];
  const notes: string[] = [
    `${partitions} partitions, one broker; broker, writer, collector and ingester share this machine's cores; ${measureMs / 1000} s after ${warmUpMs / 1000} s of warm-up`,
  ];
  for (const rate of rates) {
    const medians: number[] = [];
    const p99s: number[] = [];
    let last: Measured | undefined;
    for (let round = 1; round <= options.rounds; round++) {
      options.progress(`${rate} events/s, round ${round} of ${options.rounds}`);
      const name = `${rate}-${round}`;
      const own = { ...config, topicPrefix: `${config.topicPrefix ?? ''}${name}.` };
      last = await measure(join(folder, name), own, { rate, ...times });
      medians.push(quantile(last.delays, 0.5) / 1000);
      p99s.push(quantile(last.delays, 0.99) / 1000);
    }
    const p99 = row(`${rate} events/s: 99 of 100 within`, 's', p99s);
    rows.push(row(`${rate} events/s: half within`, 's', medians));
    rows.push(promised(p99, `under ${maxSeconds} s`, p99.median < maxSeconds));
    if (last !== undefined) notes.push(noteOf(rate, last));
  }
  return { rows, notes };
}

function noteOf(
  rate: number,
  { delays, ingester, collector, writtenEvents, writerBehindMs }: Measured,
): string {
  const perMillion = (seconds: number): string => ((seconds / writtenEvents) * 1e6).toFixed(0);
  return (
    `${rate} events/s, last round: ${delays.length} probes, half of the queries for them took up to ${ingester.medianLookMs} ms; ` +
    `${ingester.inserted} of ${writtenEvents} events in ${ingester.batches} inserts; processor seconds per ` +
    `million events: collector ${perMillion(collector.cpuSeconds)}, ingester with engine and queries ` +
    `${perMillion(ingester.cpuSeconds)}; the writer was at most ${writerBehindMs} ms behind`
  );
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

async function measure(
  folder: string,
  config: KafkaConfigInput,
  { rate, warmUpMs, measureMs }: { rate: number; warmUpMs: number; measureMs: number },
): Promise<Measured> {
  await mkdir(folder);
  await makeTopics(config);
  const log = join(folder, 'mail.log');
  const file = await open(log, 'a');
  const configText = JSON.stringify(config);
  const ingester = await startModule<IngesterReport>('kafka-latency-ingester', [
    join(folder, 'store'),
    configText,
  ]);
  const collector = await startModule<CollectorReport>('kafka-latency-collector', [
    log,
    join(folder, 'state'),
    configText,
  ]);
  const writtenAt = new Map<string, number>();
  let written = 0;
  let writerBehindMs = 0;
  const started = Date.now();
  while (Date.now() - started < warmUpMs + measureMs) {
    const due = Math.floor(((Date.now() - started) * rate) / 1000 / eventsPerMessage);
    const from = written;
    const at = new Date().toISOString();
    const lines: string[] = [];
    while (written < due) lines.push(messageLines(written++, at));
    await file.appendFile(lines.join(''));
    const now = Date.now();
    for (let n = from; n < written; n++) if (isProbe(n)) writtenAt.set(`${probePrefix}${n}@example.nl`, now);
    if (from > 0) writerBehindMs = Math.max(writerBehindMs, now - Date.parse(at));
    await sleep(5);
  }
  await file.close();
  const total = written * eventsPerMessage;
  const ingesterReport = await ingester.end(JSON.stringify({ probes: writtenAt.size, events: total }));
  const collectorReport = await collector.end();
  if (collectorReport.notUnderstood > 0) throw new Error('the generated log was not understood');
  const seen = new Map(ingesterReport.seen);
  const delays = [...writtenAt]
    .filter(([, atMs]) => atMs - started >= warmUpMs)
    .map(([probe, atMs]) => (seen.get(probe) ?? Number.POSITIVE_INFINITY) - atMs);
  return {
    delays,
    ingester: ingesterReport,
    collector: collectorReport,
    writtenEvents: total,
    writerBehindMs,
  };
}
