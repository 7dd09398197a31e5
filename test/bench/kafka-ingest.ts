import { join } from 'node:path';
import type { KafkaConfigInput } from '#shared/bus';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';
import { brokerMissing, makeTopics, partitions, withBroker } from './kafka-broker.ts';
import { type Filled, fillTopic } from './kafka-fill.ts';

/*
 * Events a second out of a Kafka topic into a durable table, beside ClickHouse's own Kafka table engine with
 * a materialized view, in the same engine, with the same table, from the same topic, in turn. A third way
 * inserts as many events from memory: what the engine needs by itself.
 *
 * The peer does less: it validates nothing beyond its columns' types, puts no bad record apart (one stops
 * it, or is skipped), and may write rows again after a crash without anything to tell them by.
 */

interface Report {
  readonly rows: number;
  readonly checksum: string;
  readonly parts: number;
  readonly seconds: number;
  /** Rows that came within `seconds`. */
  readonly measured: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const sizes = { full: 500_000, quick: 20_000 };
const maxMegabytes = 400;

export const kafkaIngest: Bench = {
  name: 'kafka-ingest',
  title: 'Kafka to ClickHouse: the ingester beside the Kafka table engine',
  hasQuick: true,
  missing: brokerMissing,
  async run(options) {
    options.progress('starting the broker');
    return withFolder((folder) => withBroker((config) => run(folder, config, options)));
  },
};

async function run(folder: string, config: KafkaConfigInput, options: BenchOptions): Promise<BenchResult> {
  const { rounds, quick, progress } = options;
  const events = quick ? sizes.quick : sizes.full;
  progress('filling the topic');
  await makeTopics(config);
  const { meanBytes, sample }: Filled = await fillTopic(config, folder, events);
  const measure = (way: string, round: number): Report => {
    progress(`round ${round} of ${rounds}: ${way}`);
    const args = [way, join(folder, `${way}-${round}`), `${events}`, JSON.stringify(config), sample];
    return runModule<Report>('kafka-ingest-child', args, 'all');
  };
  const ours: Report[] = [];
  const theirs: Report[] = [];
  const engineAlone: Report[] = [];
  for (let round = 1; round <= rounds; round++) {
    ours.push(measure('griffie', round));
    theirs.push(measure('engine', round));
    engineAlone.push(measure('memory', round));
  }
  const tables = new Set([...ours, ...theirs].map(({ rows, checksum }) => `${rows} ${checksum}`));
  if (tables.size !== 1) throw new Error('the tables do not hold the same rows');

  const speed = (name: string, reports: readonly Report[]) =>
    row(
      name,
      'events/s',
      reports.map(({ measured, seconds }) => measured / seconds),
    );
  const cpu = (name: string, reports: readonly Report[]) =>
    row(
      name,
      's per million events',
      reports.map((r) => (r.cpuSeconds / r.measured) * 1e6),
    );
  const peak = (name: string, reports: readonly Report[]) =>
    row(
      name,
      'MB',
      reports.map(({ peakRssBytes }) => peakRssBytes / 1e6),
    );
  const [ourSpeed, theirSpeed] = [speed('Griffie', ours), speed('Kafka table engine', theirs)];
  const ratio = ourSpeed.median / theirSpeed.median;
  const alone = peak('peak memory, the engine alone on the same inserts', engineAlone);
  const beyond = row(
    'peak memory of Griffie beyond that',
    'MB',
    ours.map(({ peakRssBytes }) => peakRssBytes / 1e6 - alone.median),
  );
  return {
    rows: [
      promised({ ...ourSpeed, ratio }, 'at least level', ratio >= 1),
      theirSpeed,
      cpu('processor time, Griffie', ours),
      cpu('processor time, Kafka table engine', theirs),
      peak('peak memory, Griffie with its embedded engine', ours),
      peak('peak memory, Kafka table engine', theirs),
      alone,
      promised(beyond, `under ${maxMegabytes} MB`, beyond.max < maxMegabytes),
    ],
    notes: [
      `${events} events of ${Math.round(meanBytes)} bytes, LZ4, ${partitions} partitions, one broker on this machine; all cores; from the first rows seen in the table to nine tenths of them`,
      `both tables held the same ${events} rows, by a checksum over every column; ${ours[0]?.parts} and ${theirs[0]?.parts} parts were left`,
    ],
  };
}
