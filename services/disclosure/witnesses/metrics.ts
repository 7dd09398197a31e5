import type { Registry } from 'prom-client';
import { addGauge } from '#shared/runtime';
import type { Witnessing } from './witnessing.ts';

/** How it stands with the witnesses; alarms are made on these. */
export function addWitnessMetrics(registry: Registry, witnessing: Witnessing): void {
  addGauge(registry, {
    name: 'griffie_ledger_witness_policy_met',
    help: '1 while enough witnesses cosign, 0 once they have not for a quarter of an hour.',
    read: () => (witnessing.figures().met ? 1 : 0),
  });
  addGauge(registry, {
    name: 'griffie_ledger_witnessed_entries',
    help: 'Entries of the latest tree that enough witnesses cosigned; 0 for none.',
    read: () => witnessing.figures().witnessedSize,
  });
  addGauge(registry, {
    name: 'griffie_ledger_cosignature_timestamp_seconds',
    help: 'Time of a witness’s last cosignature since the process began, by its own clock; 0 for none.',
    labels: ['witness'],
    read: () =>
      Object.entries(witnessing.figures().witnesses).map(([witness, { lastCosignedAt }]) => [
        { witness },
        lastCosignedAt,
      ]),
  });
  addGauge(registry, {
    name: 'griffie_ledger_witness_fault',
    help: '1 where a witness did not cosign when it was last asked, by the code of why.',
    labels: ['witness', 'code'],
    read: () =>
      Object.entries(witnessing.figures().witnesses).flatMap(([witness, { fault }]) =>
        fault === null ? [] : [[{ witness, code: fault }, 1]],
      ),
  });
}
