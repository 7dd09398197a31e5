import { rm } from 'node:fs/promises';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { expect } from 'vitest';
import { generateKey } from '#shared/signed-request';
import { testStart } from '../../support/test-service.ts';
import type { Act, OrderKind } from './acts.ts';
import { administrators, cast, keyNames } from './choose.ts';
import type { Model } from './commands.ts';
import { Law } from './law.ts';
import type { Fixed } from './requests.ts';
import { type Kept, World } from './world.ts';

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

type Kind = Required<Pick<Beginning, 'kind' | 'hours'>>;

/** How histories begin: with people and an order that is approved. Made once for each kind, by the service. */
export class Beginnings {
  readonly #fixed: Fixed;
  readonly #kept = new Map<string, Promise<Kept>>();

  constructor(fixed: Fixed) {
    this.#fixed = fixed;
  }

  /** An installation of its own, and the law of it. */
  async begin(
    { replicas, overHttp = false, kind = 'plain', hours = 365 * 24 }: Beginning,
    tally = new Map<string, number>(),
  ): Promise<{ model: Model; world: World }> {
    const key = `${kind} ${hours}`;
    const kept = this.#kept.get(key) ?? this.#make({ kind, hours });
    this.#kept.set(key, kept);
    const world = await World.start(this.#fixed, {
      ...{ now, replicas, administrators, overHttp, after: await kept },
    });
    const law = lawOfNobody();
    const sent = actsBefore({ kind, hours });
    for (const [signature, act] of sent.entries()) law.allows(act, signature);
    return { model: { law, replicas, sent, held: false, tally }, world };
  }

  async #make(kind: Kind): Promise<Kept> {
    const world = await World.start(this.#fixed, { now, replicas: 1, administrators });
    const law = lawOfNobody();
    for (const [signature, act] of actsBefore(kind).entries()) {
      expect(law.allows(act, signature)).toBe(true);
      expect((await world.perform(act, signature, 0, true)).code).toBe('ok');
    }
    return world.keep();
  }

  async remove(): Promise<void> {
    for (const kept of this.#kept.values()) {
      await rm((await kept).folder, { recursive: true, force: true });
    }
  }
}

function lawOfNobody(): Law {
  const law = new Law(now);
  for (const name of administrators) {
    law.credentials.set(name, {
      ...{ person: name, role: 'administrator', from: now, until: now + year, waitsFor: null, ended: false },
    });
  }
  return law;
}

function actsBefore({ kind, hours: lasting }: Kind): Act[] {
  const [signedAt, order] = [now, 'order-0'];
  return [
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
}
