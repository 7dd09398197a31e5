import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { softwareVersion } from './version.ts';

/** One reading of a metric: its labels and its value. Labels never hold anything personal. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface MetricOptions {
  /** `griffie_…`, with its unit, as Prometheus' naming convention has it. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Read at each scrape. */
  readonly read: () => readonly Sample[] | number;
}

/** A registry for this process, with memory, CPU, garbage collection and event loop lag in it. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addGauge(registry, {
    name: 'griffie_build_info',
    help: 'Always 1; its labels say which service of which version this is.',
    labels: ['service', 'version'],
    read: () => [[{ service, version: softwareVersion }, 1]],
  });
  return registry;
}

/** A number that only grows and is counted elsewhere. */
export function addCounter(registry: Registry, { name, help, labels = [], read }: MetricOptions): void {
  new Counter({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const [values, value] of samplesOf(read())) this.inc({ ...values }, value);
    },
  });
}

/** A number that goes up and down and is known elsewhere. */
export function addGauge(registry: Registry, { name, help, labels = [], read }: MetricOptions): void {
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset();
      for (const [values, value] of samplesOf(read())) this.set({ ...values }, value);
    },
  });
}

const samplesOf = (read: readonly Sample[] | number): readonly Sample[] =>
  typeof read === 'number' ? [[{}, read]] : read;
