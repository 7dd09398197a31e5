import fc from 'fast-check';
import { expect } from 'vitest';
import type { Act } from './acts.ts';
import { chooseAct, type Dice } from './choose.ts';
import type { Law } from './law.ts';
import { restarts, type World } from './world.ts';

/** The law, and what a history has to remember beside it. */
export interface Model {
  readonly law: Law;
  readonly replicas: number;
  /** Acts under the signatures that they were sent with. */
  readonly sent: Act[];
  /** The store does not answer. */
  held: boolean;
  /** How often each was allowed and refused, over all histories. */
  readonly tally: Map<string, number>;
}

/** What a step does, as far as it makes sense after what was before; `says` is for who reads a failed history. */
interface Plan {
  readonly says: string;
  run(world: World): Promise<void>;
}

type Planner = (model: Model, dice: Dice) => Plan | null;

/** A step of a history: what it is exactly, its numbers and the law decide when its turn comes. */
class Step implements fc.AsyncCommand<Model, World> {
  readonly #name: string;
  readonly #plan: Planner;
  readonly #numbers: readonly number[];
  #says: string;

  constructor(name: string, plan: Planner, numbers: readonly number[]) {
    this.#name = this.#says = name;
    this.#plan = plan;
    this.#numbers = numbers;
  }

  /** Each run has its own: what is shown of a failed history is what was done in it, and not in a later try. */
  [fc.cloneMethod](): Step {
    return new Step(this.#name, this.#plan, this.#numbers);
  }

  #of(model: Model): Plan | null {
    let next = 0;
    return this.#plan(model, (below) => (this.#numbers[next++ % this.#numbers.length] ?? 0) % below);
  }

  check(model: Readonly<Model>): boolean {
    return this.#of(model) !== null;
  }

  async run(model: Model, world: World): Promise<void> {
    const plan = this.#of(model);
    this.#says = plan?.says ?? '';
    await plan?.run(world);
  }

  toString(): string {
    return this.#says;
  }
}

/** Refusals that are no fault of the service's code. */
const unavailable: ReadonlySet<string> = new Set(['clock.set_back', 'disclosure.failed']);

const count = (tally: Map<string, number>, what: string): void => {
  tally.set(what, (tally.get(what) ?? 0) + 1);
};

const waits = ({ law }: Model): boolean =>
  [...law.requests.values()].some(({ state }) => state === 'waiting');

/** All is released that the law says is, and nothing else. */
export async function compareReleases({ law, tally }: Model, world: World): Promise<void> {
  const asked = [...law.requests.values()].filter(({ state }) => state === 'waiting');
  law.settle();
  for (const { state } of asked) count(tally, `release: ${state}`);
  const due = [...law.requests].filter(([, { state }]) => state === 'released').map(([name]) => name);
  expect(await world.released()).toEqual(due.sort());
}

/** The act is allowed exactly if the law says so, whichever replica is asked. */
function acting(model: Model, act: Act, signature: number, at: number): Plan {
  const { law, sent, tally } = model;
  return {
    says: `${JSON.stringify(act)} at ${at} under ${signature}`,
    run: async (world) => {
      const expected = law.allows(act, signature);
      sent[signature] = act;
      const { status, code } = await world.perform(act, signature, at, expected);
      expect({ allowed: status < 300, code, isFault: status >= 500 && !unavailable.has(code) }).toEqual({
        allowed: expected,
        code: expected ? 'ok' : expect.stringMatching(/^[a-z_]+\.[a-z_]+$/),
        isFault: false,
      });
      count(tally, `${act.do}: ${code}`);
      if (waits(model) && !model.held && law.clockIsRight()) await compareReleases(model, world);
    },
  };
}

const minute = 60_000;
/** Around the ends of what lasts: skew and lifetime of a signature, orders, credentials, a notification's wait. */
const moves = [
  1,
  999,
  30_000,
  60_000,
  61_000,
  60 * minute,
  60 * minute + 1,
  24 * 60 * minute,
  240 * 60 * minute,
];
const backwards = [1, 5_000, 5_001, 60 * minute, 48 * 60 * minute];

const weights: Readonly<Record<Act['do'], number>> = {
  ...{ enrol: 3, confirm: 5, revoke: 3, rotate: 2 },
  ...{ record: 3, amend: 3, approve: 8, reject: 1, suspend: 4, resume: 4, withdraw: 1 },
  ...{ request: 15, cancel: 2, collect: 3 },
};

const planners: readonly { readonly weight: number; readonly name: string; readonly plan: Planner }[] = [
  ...(Object.entries(weights) as [Act['do'], number][]).map(([what, weight]) => ({
    weight,
    name: what,
    plan: (model: Model, dice: Dice): Plan | null => {
      const act = chooseAct(what, model.law, dice, model.sent.length);
      return act && acting(model, act, model.sent.length, dice(2));
    },
  })),
  {
    weight: 4,
    name: 'again',
    plan: (model, dice) => {
      const signature = model.sent.length - 1 - dice(4);
      const act = model.sent[signature];
      return act ? acting(model, act, signature, dice(2)) : null;
    },
  },
  {
    weight: 5,
    name: 'time goes on',
    plan: ({ law }, dice) => {
      const by = moves[dice(moves.length)] ?? 0;
      return {
        says: `time goes on by ${by} ms`,
        run: async (world) => {
          law.clock += by;
          world.setClock(law.clock);
        },
      };
    },
  },
  {
    weight: 1,
    name: 'the clock is set back',
    plan: ({ law, held, sent }, dice) => {
      const by = backwards[dice(backwards.length)] ?? 0;
      // Only from a time that somebody signed for: how far the ledger bears out others is another test's.
      if (law.clock !== law.borneOut || held || sent.length === 0) return null;
      return {
        says: `the clock is set back by ${by} ms`,
        run: async (world) => {
          law.clock -= by;
          world.setClock(law.clock);
        },
      };
    },
  },
  {
    weight: 5,
    name: 'the clock is set right',
    plan: ({ law }) =>
      law.clock >= law.borneOut
        ? null
        : {
            says: 'the clock is set right',
            run: async (world) => {
              law.clock = law.borneOut;
              world.setClock(law.clock);
            },
          },
  },
  {
    weight: 6,
    name: 'the store answers no more',
    plan: (model) =>
      model.held
        ? null
        : {
            says: 'the store answers no more',
            run: async (world) => {
              world.hold();
              model.held = true;
            },
          },
  },
  {
    weight: 3,
    name: 'the store answers again',
    plan: (model) =>
      model.held
        ? {
            says: 'the store answers again',
            run: async (world) => {
              world.letGo();
              model.held = false;
              await compareReleases(model, world);
            },
          }
        : null,
  },
  {
    weight: 10,
    name: 'a replica falls behind',
    plan: ({ replicas }, dice) => {
      const at = dice(2);
      const says = `replica ${at} falls behind`;
      return replicas === 1 ? null : { says, run: async (world) => world.fallBehind(at) };
    },
  },
  {
    weight: 3,
    name: 'restart',
    plan: (model, dice) => {
      const [at, how] = [dice(2), restarts[dice(restarts.length)] ?? 'stopped'];
      // A stop waits for the release that is under way.
      const kind = waits(model) && how === 'stopped' ? 'killed' : how;
      return {
        says: `replica ${at} is started again after it was ${kind}`,
        run: (world) => world.restart(at, kind),
      };
    },
  },
];

/** Any steps, each with numbers of its own. */
export const steps: fc.Arbitrary<fc.AsyncCommand<Model, World>> = fc.oneof(
  ...planners.map(({ weight, name, plan }) => ({
    weight,
    arbitrary: fc
      .array(fc.nat({ max: 5039 }), { minLength: 12, maxLength: 12 })
      .map((numbers) => new Step(name, plan, numbers)),
  })),
);
