import type { Registry } from 'prom-client';
import { addGauge } from '#shared/runtime';
import type { Stamping } from './stamping.ts';

/** How it stands with the time stamps; alarms are made on these. */
export function addTimestampMetrics(registry: Registry, stamping: Stamping): void {
  addGauge(registry, {
    name: 'griffie_ledger_timestamp_timestamp_seconds',
    help: 'Time of the last time stamp, by its authority’s clock; 0 for none.',
    read: () => Math.floor(stamping.figures().lastAt / 1000),
  });
  addGauge(registry, {
    name: 'griffie_ledger_timestamp_overdue',
    help: '1 once there has been no time stamp for two days.',
    read: () => (stamping.figures().isOverdue ? 1 : 0),
  });
  addGauge(registry, {
    name: 'griffie_ledger_timestamp_fault',
    help: '1 where the last try gave no time stamp, by the code of why.',
    labels: ['code'],
    read: () => {
      const { fault } = stamping.figures();
      return fault === null ? [] : [[{ code: fault }, 1]];
    },
  });
  addGauge(registry, {
    name: 'griffie_ledger_clock_offset_seconds',
    help: 'This clock less the authority’s at the last time stamp.',
    read: () => stamping.figures().offsetMs / 1000,
  });
}
