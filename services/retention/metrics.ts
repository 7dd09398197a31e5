import type { Registry } from 'prom-client';
import { addGauge } from '#shared/runtime';
import type { Retention } from './retention.ts';

/** How expiry stands, for alarms: something overdue, a clock that is not believed, a certificate that is missing. */
export function addRetentionMetrics(registry: Registry, retention: Retention): void {
  addGauge(registry, {
    name: 'griffie_retention_overdue_items',
    help: 'What is still there a day after its time, by place. Anything but 0 is an alarm.',
    labels: ['place'],
    read: () => retention.status().overdue.map(({ place, items }) => [{ place }, items]),
  });
  addGauge(registry, {
    name: 'griffie_retention_clock_believed',
    help: '1 while the clock is believed; 0 while nothing is deleted because it is not.',
    read: () => (retention.status().clock?.ok === true ? 1 : 0),
  });
  addGauge(registry, {
    name: 'griffie_retention_last_certificate_timestamp_seconds',
    help: 'When deletion was last certified, seconds since the epoch; one comes each day.',
    read: () => Date.parse(retention.status().lastCertificate?.at ?? '1970-01-01T00:00:00.000Z') / 1000,
  });
  addGauge(registry, {
    name: 'griffie_retention_holds',
    help: 'Holds of orders by state: held, over (being removed), failing (could not be copied or removed: an alarm).',
    labels: ['state'],
    read: () => {
      const { holds } = retention.status();
      const failing = holds.filter(({ fault }) => fault !== null).length;
      const over = holds.filter((hold) => hold.over !== null).length;
      return [
        [{ state: 'held' }, holds.length - over],
        [{ state: 'over' }, over],
        [{ state: 'failing' }, failing],
      ];
    },
  });
  addGauge(registry, {
    name: 'griffie_retention_held_rows',
    help: 'Rows of traffic by state: held, next (goes within a week), due (past its time).',
    labels: ['state'],
    read: () => {
      const { days } = retention.status();
      return (['held', 'next', 'due'] as const).map((state) => [
        { state },
        days.filter((day) => day.state === state).reduce((sum, { rows }) => sum + rows, 0),
      ]);
    },
  });
  addGauge(registry, {
    name: 'griffie_reconciliation_difference',
    help: 'What does not match in the sums of sources, by kind: events missing, events surplus, lines unaccounted for. Anything but 0 is an alarm.',
    labels: ['kind'],
    read: () => {
      const differing = retention.status().reconciliation?.differing ?? [];
      return (['missing', 'surplus', 'lines'] as const).map((kind) => [
        { kind },
        differing.reduce((sum, one) => sum + Math.abs(one[kind]), 0),
      ]);
    },
  });
  addGauge(registry, {
    name: 'griffie_reconciliation_last_look_timestamp_seconds',
    help: 'When the sums of sources were last looked at, seconds since the epoch.',
    read: () => Date.parse(retention.status().reconciliation?.lookedAt ?? '1970-01-01T00:00:00.000Z') / 1000,
  });
}
