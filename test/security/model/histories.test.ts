import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayDo, type OrderKind } from './acts.ts';
import { type Beginning, Beginnings, makeFixed } from './begin.ts';
import { compareReleases, type Model, steps } from './commands.ts';
import type { World } from './world.ts';

/* ROUNDS (default 120) is how many random histories are gone through, SEED (default: any) which ones. */

const rounds = Number(process.env.ROUNDS ?? 120);
const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

let beginnings: Beginnings;
beforeAll(async () => {
  beginnings = new Beginnings(await makeFixed());
});
afterAll(() => beginnings.remove());

/** How often each act had each outcome, over all histories. */
const tally = new Map<string, number>();

async function goThrough(
  commands: Iterable<fc.AsyncCommand<Model, World>>,
  beginning: Beginning,
): Promise<void> {
  const { model, world } = await beginnings.begin(beginning, tally);
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
  fc.record({
    replicas: fc.constantFrom<1 | 2>(1, 2),
    kind: fc.constantFrom<OrderKind>('plain', 'plain', 'plain', 'notified', 'preserve'),
    hours: fc.constantFrom(1, 24, 365 * 24),
  }),
);
const options = (numRuns: number) => ({
  numRuns,
  ...seed,
  // One that does not end is a finding, too.
  timeout: 120_000,
  interruptAfterTimeLimit: 50_000 + numRuns * 2_000,
  markInterruptAsFailure: true,
});

/** Without these a run has said little: they come in any four hundred histories. */
const outcomes = [
  ...Object.keys(mayDo).map((act) => `${act}: ok`),
  ...['replayed', 'stale', 'future', 'key_unknown', 'key_revoked', 'key_expired', 'key_unconfirmed'].map(
    (code) => `request: proof.${code}`,
  ),
  ...[
    'not_approved',
    'version',
    'suspended',
    'cancelled',
    'expired',
    'preservation_only',
    'notification_pending',
  ].map((code) => `request: order.${code}`),
  ...['release: released', 'release: ended', 'revoke: credential.last_administrator'],
  ...['request: clock.set_back', 'request: access.role', 'request: scope.target_not_in_order'],
  ...['approve: order.own_registration', 'confirm: credential.own_enrolment', 'enrol: credential.roles'],
];

describe('what is released is what a short law says, whatever happened before', () => {
  it(`in ${rounds} random histories`, { timeout: 60_000 + rounds * 2_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, ([commands, beginning]) => goThrough(commands, beginning)),
      options(rounds),
    );
    const demanded = rounds >= 400 ? outcomes : ['request: ok', 'record: ok', 'revoke: ok'];
    expect(demanded.filter((outcome) => !tally.has(outcome))).toEqual([]);
  });

  it('over sockets', { timeout: 60_000 + rounds * 2_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, ([commands, beginning]) =>
        goThrough(commands, { ...beginning, overHttp: true }),
      ),
      options(Math.ceil(rounds / 12)),
    );
  });
});
