import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyControlEntry, ControlState } from '#shared/control';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  type LedgerStorage,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { type ControlPlane, openControlPlane } from '../../../services/disclosure/control/control-plane.ts';
import { createTestClock } from '../../support/test-clock.ts';

/* Steps that come together are decided one after another, and share the disk. */

const clock = createTestClock('2096-11-20T09:00:00.000Z');
const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
let disk: { syncs: number; gate: Promise<void>; isFull: boolean };
let ledger: Ledger;
let control: ControlPlane;
beforeEach(async () => {
  const memory = createMemoryStorage();
  disk = { syncs: 0, gate: Promise.resolve(), isFull: false };
  const storage: LedgerStorage = {
    ...memory,
    stage: async (files) => {
      await disk.gate;
      await new Promise((resolve) => setTimeout(resolve, 2));
      disk.syncs++;
      if (disk.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      await memory.stage(files);
    },
  };
  ledger = await createLedger({ storage, signer });
  control = await openControlPlane(ledger, clock);
  await control.transact((_, at) => ({ entries: [started(at)], result: null }));
  disk.syncs = 0;
});

const service = { actor: { service: 'disclosure' } } as const;
const configuration = { audience: 'https://griffie.example.nl', retentionPeriod: 'P6M', manifestKey: {} };
const started = (at: string): AnyControlEntry => ({
  ...service,
  ...{ kind: 'ledger.started', at, details: { ...configuration, software: '0' } },
});
/** A change of the configuration to one more than it was. */
const counting = (state: ControlState, at: string) => {
  const software = String(Number(state.configuration?.software) + 1);
  const entry: AnyControlEntry = {
    ...service,
    ...{ kind: 'configuration.changed', at, details: { ...configuration, software } },
  };
  return { entries: [entry], result: software };
};
const reading = (state: ControlState) => ({ entries: [], result: state.configuration?.software });
const recorded = async () => {
  const found = [];
  for await (const { entry } of ledger.entries()) found.push(Object(entry.details).software);
  return found;
};
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));
/** Holds the disk until it is let go. */
function hold(): () => void {
  let letGo = () => {};
  disk.gate = new Promise((resolve) => {
    letGo = resolve;
  });
  return letGo;
}
const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

it('each step sees those before it, and a hundred of them need a few syncs', async () => {
  const steps = await Promise.all(upTo(100).map(() => control.transact(counting)));
  expect(steps.map(({ result }) => result)).toEqual(upTo(100, 1));
  expect(steps.map(({ indexes }) => indexes)).toEqual(upTo(100, 1).map((index) => [Number(index)]));
  expect(await recorded()).toEqual(upTo(101));
  expect(disk.syncs).toBeLessThan(10);
});

it('nobody sees or is told anything before it is on the disk, readers of what is not there yet included', async () => {
  const letGo = hold();
  const told: unknown[] = [];
  const steps = [counting, counting, reading].map((decide) =>
    control.transact<unknown>(decide).then(({ result }) => told.push(result)),
  );
  await turns();
  expect([told, control.state.configuration?.software, control.state.size]).toEqual([[], '0', 1]);
  letGo();
  await Promise.all(steps);
  expect(told).toEqual(['1', '2', '2']);
  expect([control.state.configuration?.software, control.state.size]).toEqual(['2', 3]);
});

it('long rows of steps go on, and are folded once', async () => {
  for (let round = 0; round < 3; round++) {
    await Promise.all(upTo(300).map(() => control.transact(counting)));
  }
  expect(await recorded()).toEqual(upTo(901));
  expect(control.state.size).toBe(901);
});

describe('where the disk refuses', () => {
  it('a step fails, and those behind it are decided again without it', async () => {
    const letGo = hold();
    const first = control.transact(counting);
    await turns();
    const behind = [counting, reading, counting].map((decide) => control.transact<unknown>(decide));
    await turns();
    disk.isFull = true;
    const failing = expect(first).rejects.toMatchObject({ code: 'ledger.unavailable' });
    first.catch(() => {
      disk.isFull = false;
    });
    letGo();
    await failing;
    const results = await Promise.all(behind);
    expect(results.map(({ result }) => result).sort()).toEqual(['1', '1', '2']);
    expect(await recorded()).toEqual(upTo(3));
  });

  it('a refusal that was decided on what came to nothing is decided again', async () => {
    const letGo = hold();
    const first = control.transact(counting);
    await turns();
    const refusing = control.transact((state) => {
      if (state.configuration?.software === '1') throw new Error('refused');
      return reading(state);
    });
    await turns();
    disk.isFull = true;
    letGo();
    await expect(first).rejects.toMatchObject({ code: 'ledger.unavailable' });
    disk.isFull = false;
    expect((await refusing).result).toBe('0');
  });

  it('nothing has happened, and the next step finds everything as it was', async () => {
    disk.isFull = true;
    const steps = await Promise.allSettled(upTo(20).map(() => control.transact(counting)));
    expect(steps.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(control.state.size).toBe(1);
    disk.isFull = false;
    expect((await control.transact(counting)).result).toBe('1');
    expect(await recorded()).toEqual(upTo(2));
  });
});

it('a step that throws, or that the rules of the ledger refuse, takes none with it', async () => {
  const refused: AnyControlEntry = started('2096-11-20T09:00:00.000Z');
  const steps = await Promise.allSettled([
    control.transact(counting),
    control.transact(() => ({ entries: [refused], result: null })),
    control.transact(counting),
    control.transact(() => Promise.reject(new Error('a file'))),
    control.transact(counting),
  ]);
  expect(steps.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(steps[1]).toMatchObject({ reason: { code: 'control.impossible_entry' } });
  expect(await recorded()).toEqual(upTo(4));
});
