import { generateIdentity, identityToRecipient } from 'age-encryption';
import { expect } from 'vitest';
import { generateKey } from '#shared/signed-request';
import { testStart } from '../../support/test-service.ts';
import type { Act, OrderKind } from './acts.ts';
import { administrators, cast, keyNames } from './choose.ts';
import type { Model } from './commands.ts';
import { Law } from './law.ts';
import type { Fixed } from './requests.ts';
import { World } from './world.ts';

const now = Date.parse(testStart);
const hour = 3_600_000;
const year = 365 * 24 * hour;

/** Keys are made once: each history enrols the same ones. */
export async function makeFixed(): Promise<Fixed> {
  const keys = new Map(
    await Promise.all(keyNames.map(async (name) => [name, await generateKey('EdDSA')] as const)),
  );
  const recipient = await identityToRecipient(await generateIdentity());
  return { keys, manifestKey: await generateKey('EdDSA'), recipient };
}

export interface Beginning {
  readonly replicas: number;
  readonly overHttp?: boolean;
  /** Of the first order, and for how many hours it is valid. */
  readonly kind?: OrderKind;
  readonly hours?: number;
}

/** A new installation with its people and an order that is approved, and the law of it. */
export async function begin(
  fixed: Fixed,
  { replicas, overHttp = false, kind = 'plain', hours: lasting = 365 * 24 }: Beginning,
  tally = new Map<string, number>(),
): Promise<{ model: Model; world: World }> {
  const world = await World.start(fixed, { now, replicas, administrators, overHttp });
  const law = new Law(now);
  const model: Model = { law, sent: [], held: false, tally };
  for (const name of administrators) {
    law.credentials.set(name, {
      ...{ person: name, role: 'administrator', from: now, until: now + year, waitsFor: null, ended: false },
    });
  }
  const [signedAt, order] = [now, 'order-0'];
  const before: readonly Act[] = [
    ...cast.flatMap(({ person, role, name, after, hours }): Act[] => {
      const validity = { from: now + after, until: now + hours * hour };
      return [
        { do: 'enrol', by: 'a0', signedAt, whom: name, person, role, ...validity },
        { do: 'confirm', by: 'a1', signedAt, whom: name },
      ];
    }),
    { do: 'record', by: 'k0', signedAt, order, kind, received: now, until: now + lasting * hour },
    { do: 'approve', by: 'k2', signedAt, order, version: 1 },
  ];
  for (const [signature, act] of before.entries()) {
    model.sent.push(act);
    expect(law.allows(act, signature)).toBe(true);
    expect((await world.perform(act, signature, 0, true)).code).toBe('ok');
  }
  return { model, world };
}
