import { Gauge, Histogram, type Registry } from 'prom-client';
import { addCounter, type Clock } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import type { Ingester } from './ingester.ts';

/** What the ingester counted since the process began. */
export function addIngesterMetrics(registry: Registry, ingester: Ingester): void {
  addCounter(registry, {
    name: 'griffie_ingester_batches_total',
    help: 'Batches acknowledged to the bus.',
    read: () => ingester.stats().batches,
  });
  addCounter(registry, {
    name: 'griffie_ingester_events_total',
    help: 'Events of acknowledged batches; one that was delivered again counts again.',
    read: () => ingester.stats().inserted,
  });
  addCounter(registry, {
    name: 'griffie_ingester_rejected_records_total',
    help: 'Records that were no events, by reason.',
    labels: ['reason'],
    read: () => Object.entries(ingester.stats().rejected).map(([reason, count]) => [{ reason }, count]),
  });
  addCounter(registry, {
    name: 'griffie_ingester_insert_retries_total',
    help: 'Inserts that were repeated because the store was away or overloaded.',
    read: () => ingester.stats().retries,
  });
}

/** The same store, which also measures how long inserts of events take. */
export function observeInserts(store: TrafficStore, registry: Registry, clock: Clock): TrafficStore {
  const duration = new Histogram({
    name: 'griffie_ingester_insert_duration_seconds',
    help: 'Time that one insert of events took, by whether it was acknowledged.',
    labelNames: ['outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const last = new Gauge({
    name: 'griffie_ingester_last_insert_timestamp_seconds',
    help: 'When events were last stored, seconds since the epoch; 0 where none were yet.',
    registers: [registry],
  });
  return {
    ...store,
    async insertEvents(events, options) {
      const started = performance.now();
      const took = (outcome: string) => duration.observe({ outcome }, (performance.now() - started) / 1000);
      try {
        await store.insertEvents(events, options);
      } catch (error) {
        took('failed');
        throw error;
      }
      took('stored');
      last.set(clock.now() / 1000);
    },
  };
}
