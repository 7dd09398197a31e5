import { isDeepStrictEqual } from 'node:util';
import type { AnyControlEntry, ControlState, DetailsOf, ServiceConfiguration } from '#shared/control';
import { LedgerError } from '#shared/ledger';
import type { ControlPlane } from './control-plane.ts';

/** The credential that enrols the others. Its key is made on the server's console, once. */
export type FirstAdministrator = DetailsOf<'credential.enrolled'>;

/** The ledger is empty and nobody could ever be enrolled. */
export class BootstrapError extends Error {
  readonly code = 'bootstrap.no_administrator';
  constructor() {
    super('the ledger is empty and no first administrator was given');
    this.name = 'BootstrapError';
  }
}

/**
 * An old key that came back, from a backup, may still open the last checkpoint of its time. It signs nothing more.
 * @throws LedgerError `ledger.wrong_key`
 */
export function assertLedgerKey({ keyRotations }: Pick<ControlState, 'keyRotations'>, vkey: string): void {
  const key = keyRotations.at(-1)?.to ?? vkey;
  if (key === vkey) return;
  throw new LedgerError(
    'ledger.wrong_key',
    'The ledger says that another key is its own by now: restore that one.',
  );
}

/** Starts an empty ledger, or records that the configuration is no longer what the ledger says. */
export async function bootstrap(
  control: ControlPlane,
  configuration: ServiceConfiguration,
  firstAdministrator: FirstAdministrator | undefined,
): Promise<void> {
  // A start that changes nothing decides nothing: the clock may be wrong until the network is there.
  if (isDeepStrictEqual(control.state.configuration, configuration)) return;
  await control.transact((state, at) => {
    const by = { at, actor: { service: 'disclosure' } };
    const entries: AnyControlEntry[] = [];
    if (state.size === 0) {
      if (!firstAdministrator) throw new BootstrapError();
      const { thumbprint } = firstAdministrator;
      entries.push({ ...by, kind: 'ledger.started', details: configuration });
      entries.push({ ...by, kind: 'credential.enrolled', subject: thumbprint, details: firstAdministrator });
    } else {
      entries.push({ ...by, kind: 'configuration.changed', details: configuration });
    }
    return { entries, result: undefined };
  });
}
