import { generateIdentity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '#shared/signed-request';
import { testStart } from '../../support/test-service.ts';
import { type Act, mayDo } from './acts.ts';
import { administrators, cast, keyNames } from './choose.ts';
import { compareReleases, type Model, steps } from './commands.ts';
import { Law } from './law.ts';
import type { Fixed } from './requests.ts';
import { World } from './world.ts';

/* ROUNDS (default 120) is how many random histories are gone through. */

const rounds = Number(process.env.ROUNDS ?? 120);
const now = Date.parse(testStart);
const year = 365 * 86_400_000;

let fixed: Fixed;
beforeAll(async () => {
  const keys = new Map(
    await Promise.all(keyNames.map(async (name) => [name, await generateKey('EdDSA')] as const)),
  );
  const recipient = await identityToRecipient(await generateIdentity());
  fixed = { keys, manifestKey: await generateKey('EdDSA'), recipient };
});

/** A new installation with its people, and the law of it. */
async function begin(replicas: number, overHttp: boolean): Promise<{ model: Model; world: World }> {
  const world = await World.start(fixed, { now, replicas, administrators, overHttp });
  const law = new Law(now);
  const model: Model = { law, sent: [], held: false, tally };
  for (const name of administrators) {
    law.credentials.set(name, {
      ...{ person: name, role: 'administrator', from: now, until: now + year, waitsFor: null, ended: false },
    });
  }
  const validity = (after: number, hours: number) => ({ from: now + after, until: now + hours * 3_600_000 });
  const [signedAt, order] = [now, 'order-0'];
  const before: readonly Act[] = [
    ...cast.flatMap(({ person, role, name, after, hours }): Act[] => [
      { do: 'enrol', by: 'a0', signedAt, whom: name, person, role, ...validity(after, hours) },
      { do: 'confirm', by: 'a1', signedAt, whom: name },
    ]),
    { do: 'record', by: 'k0', signedAt, order, kind: 'plain', received: now, until: now + year },
    { do: 'approve', by: 'k2', signedAt, order, version: 1 },
  ];
  for (const [signature, act] of before.entries()) {
    model.sent.push(act);
    expect(law.allows(act, signature)).toBe(true);
    expect((await world.perform(act, signature, 0, true)).code).toBe('ok');
  }
  return { model, world };
}

/** How often each act had each outcome, over all histories. */
const tally = new Map<string, number>();

async function goThrough(
  commands: Iterable<fc.AsyncCommand<Model, World>>,
  replicas: number,
  overHttp = false,
): Promise<void> {
  const { model, world } = await begin(replicas, overHttp);
  try {
    await fc.asyncModelRun(() => ({ model, real: world }), commands);
    const { law } = model;
    law.clock = law.at();
    world.setClock(law.clock);
    world.letGo();
    await compareReleases(model, world);
    const { roots, problems, report } = await world.verify();
    expect({ roots, problems }).toEqual({ roots: 1, problems: [] });
    // What a refusal does not keep of its request; of what was granted everything follows.
    expect(Object.keys(report.gaps).filter((gap) => gap !== 'outside' && gap !== 'no_request')).toEqual([]);
  } finally {
    await world.remove();
  }
}

const history = fc.tuple(
  fc.commands([steps], { maxCommands: 40, size: 'max' }),
  fc.constantFrom<1 | 2>(1, 1, 2),
);
const options = (numRuns: number) => ({
  numRuns,
  interruptAfterTimeLimit: 50_000 + numRuns * 2_000,
  markInterruptAsFailure: true,
});

/** Without these a run has said little: they come in every hundred histories. */
const outcomes = [
  ...Object.keys(mayDo).map((act) => `${act}: ok`),
  ...['replayed', 'stale', 'future', 'key_unknown', 'key_revoked', 'key_expired', 'key_unconfirmed'].map(
    (code) => `request: proof.${code}`,
  ),
  ...['not_approved', 'version', 'suspended', 'cancelled', 'expired', 'preservation_only'].map(
    (code) => `request: order.${code}`,
  ),
  ...['request: clock.set_back', 'request: access.role', 'request: scope.target_not_in_order'],
  ...['approve: order.own_registration', 'confirm: credential.own_enrolment', 'enrol: credential.roles'],
];

describe('what is released is what a short law says, whatever happened before', () => {
  it(`in ${rounds} random histories`, { timeout: 60_000 + rounds * 2_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, ([commands, replicas]) => goThrough(commands, replicas)),
      options(rounds),
    );
    if (rounds >= 100) expect(outcomes.filter((outcome) => !tally.has(outcome))).toEqual([]);
  });

  it('over sockets', { timeout: 60_000 + rounds * 2_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, ([commands, replicas]) => goThrough(commands, replicas, true)),
      options(Math.ceil(rounds / 12)),
    );
  });
});
