import { isDeepStrictEqual } from 'node:util';
import {
  type AnyControlEntry,
  administratorsAt,
  type ControlState,
  decideCeremony,
  type ServiceConfiguration,
} from '#shared/control';
import { LedgerError } from '#shared/ledger';
import { utc } from '#shared/runtime';
import { checkPossession, type Possession, validatePublicJwk } from '#shared/signed-request';
import type { CeremonyAdministrator } from '../ceremony.ts';
import type { ControlPlane } from './control-plane.ts';

/** An administrator of the ceremony on the console cannot be enrolled. */
export class BootstrapError extends Error {
  readonly code = 'bootstrap.administrator';
  constructor({ credentialId }: CeremonyAdministrator, why: string) {
    super(`the administrator ${credentialId} of the ceremony on the console cannot be enrolled: ${why}`);
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

/** How long the credentials of the ceremony are valid. */
const administratorYears = 1;

/**
 * Starts an empty ledger, or records that the configuration is no longer what the ledger says; and enrols
 * the administrators of the ceremony on the console, where there are fewer than two.
 * @throws BootstrapError
 */
export async function bootstrap(
  control: ControlPlane,
  configuration: ServiceConfiguration,
  ceremony: readonly CeremonyAdministrator[] = [],
): Promise<void> {
  const isNew = ({ thumbprint }: CeremonyAdministrator): boolean =>
    !control.state.credentials.has(thumbprint);
  // A start that changes nothing decides nothing: the clock may be wrong until the network is there.
  if (isDeepStrictEqual(control.state.configuration, configuration) && !ceremony.some(isNew)) return;
  await control.transact(async (state, at) => {
    const by = { at, actor: { service: 'disclosure' } };
    const entries: AnyControlEntry[] = [];
    if (state.size === 0) entries.push({ ...by, kind: 'ledger.started', details: configuration });
    else if (!isDeepStrictEqual(state.configuration, configuration)) {
      entries.push({ ...by, kind: 'configuration.changed', details: configuration });
    }
    for (const details of await administratorsToEnrol(state, at, configuration.audience, ceremony)) {
      entries.push({ ...by, kind: 'credential.enrolled', subject: details.thumbprint, details });
    }
    return { entries, result: undefined };
  });
}

async function administratorsToEnrol(
  state: ControlState,
  at: string,
  audience: string,
  ceremony: readonly CeremonyAdministrator[],
) {
  const end = new Date(at);
  end.setUTCFullYear(end.getUTCFullYear() + administratorYears);
  const validity = { notBefore: at, notAfter: utc(end.getTime()) };
  // As they will be once those before have been enrolled.
  const credentials = new Map(state.credentials);
  const enrolled = [];
  for (const administrator of ceremony) {
    if (credentials.has(administrator.thumbprint) || administratorsAt({ credentials }, at).size >= 2)
      continue;
    const possession = await requirePossession(administrator, audience, at);
    const details = { ...administrator, role: 'administrator' as const, ...validity, ...possession };
    const decision = decideCeremony({ credentials }, details, at);
    if (!decision.ok) throw new BootstrapError(administrator, decision.code);
    credentials.set(details.thumbprint, details);
    enrolled.push(details);
  }
  return enrolled;
}

async function requirePossession(
  administrator: CeremonyAdministrator,
  audience: string,
  at: string,
): Promise<Possession> {
  const { credentialId, publicKey, algorithm, possession, thumbprint } = administrator;
  const key = await validatePublicJwk(publicKey, algorithm);
  const enrolment = { credentialId, audience, nowSeconds: Math.floor(Date.parse(at) / 1000) };
  const proven = key.ok && key.kid === thumbprint ? await checkPossession(possession, key, enrolment) : null;
  if (proven !== null) return proven;
  throw new BootstrapError(
    administrator,
    `its key file is not for ${audience}, or older than thirty days; make it again with griffie key public`,
  );
}
