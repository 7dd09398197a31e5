import type { Registry } from 'prom-client';
import { Counter } from 'prom-client';
import type { BusPublisher } from '#shared/bus';
import { addCounter, addGauge, type Condition, codeOf, type Sample } from '#shared/runtime';
import type { Collector } from './collector.ts';
import type { SourceStatus } from './pipeline/status.ts';

/** What each source gave, counted since its first start: a restart does not set it back. */
export function addCollectorMetrics(registry: Registry, collector: Collector): void {
  const perSource = (read: (status: SourceStatus) => number | undefined) => (): Sample[] =>
    collector.status().flatMap((status): Sample[] => {
      const value = read(status);
      return value === undefined ? [] : [[{ source: status.id }, value]];
    });
  const labels = ['source'];
  addCounter(registry, {
    name: 'griffie_collector_lines_total',
    help: 'Lines read.',
    labels,
    read: perSource(({ lines }) => lines),
  });
  addCounter(registry, {
    name: 'griffie_collector_events_total',
    help: 'Traffic events made of them.',
    labels,
    read: perSource(({ events }) => events),
  });
  addCounter(registry, {
    name: 'griffie_collector_ignored_lines_total',
    help: 'Lines that say nothing about traffic.',
    labels,
    read: perSource(({ ignored }) => ignored),
  });
  addCounter(registry, {
    name: 'griffie_collector_not_understood_lines_total',
    help: 'Lines that were not understood, by reason.',
    labels: ['source', 'reason'],
    read: () =>
      collector
        .status()
        .flatMap(({ id, notUnderstood }) =>
          Object.entries(notUnderstood).map(([reason, count]): Sample => [{ source: id, reason }, count]),
        ),
  });
  addCounter(registry, {
    name: 'griffie_collector_requests_total',
    help: 'Requests to webhooks, by outcome: accepted, or why refused.',
    labels: ['source', 'outcome'],
    read: () =>
      collector
        .status()
        .flatMap(({ id, requests }) =>
          requests === undefined
            ? []
            : Object.entries({ accepted: requests.accepted, ...requests.refused }).map(
                ([outcome, count]): Sample => [{ source: id, outcome }, count],
              ),
        ),
  });
  addCounter(registry, {
    name: 'griffie_collector_gaps_total',
    help: 'How often lines may have been missed.',
    labels,
    read: perSource(({ gapCount }) => gapCount),
  });
  addGauge(registry, {
    name: 'griffie_collector_lag_bytes',
    help: 'Bytes not delivered yet; absent where it cannot be known.',
    labels,
    read: perSource(({ lagBytes }) => lagBytes),
  });
  addGauge(registry, {
    name: 'griffie_collector_lag_lines',
    help: 'Lines not delivered yet, of sources that count those.',
    labels,
    read: perSource(({ lagLines }) => lagLines),
  });
  addGauge(registry, {
    name: 'griffie_collector_open_correlations',
    help: 'Messages and sessions that wait for more lines.',
    labels,
    read: perSource(({ open }) => open),
  });
  addGauge(registry, {
    name: 'griffie_collector_source_up',
    help: '1 where the source is followed or waited for, 0 where it failed or was stopped.',
    labels,
    read: perSource(({ state }) => (state === 'following' || state === 'waiting' ? 1 : 0)),
  });
  addGauge(registry, {
    name: 'griffie_collector_last_line_timestamp_seconds',
    help: 'Time of the last line, by the mail server’s clock.',
    labels,
    read: perSource(({ lastLineAt }) =>
      lastLineAt === undefined ? undefined : Date.parse(lastLineAt) / 1000,
    ),
  });
}

/** The same publisher, whose failures are counted and show in the condition. */
export function observePublisher(
  publisher: BusPublisher,
  registry: Registry,
  condition: Condition,
): BusPublisher {
  const failures = new Counter({
    name: 'griffie_collector_publish_failures_total',
    help: 'Publications that the bus did not acknowledge, by code; each is repeated.',
    labelNames: ['code'],
    registers: [registry],
  });
  return {
    async publish(topic, records) {
      try {
        await publisher.publish(topic, records);
        condition.pass();
      } catch (error) {
        condition.fail(error);
        failures.inc({ code: codeOf(error) });
        throw error;
      }
    },
  };
}
