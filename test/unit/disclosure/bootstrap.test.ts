import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedger, createNoteSigner, generateNoteKey, type Ledger } from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { generateKey, provePossession } from '#shared/signed-request';
import {
  type CeremonyAdministrator,
  readCeremony,
  writeCeremony,
} from '../../../services/disclosure/ceremony.ts';
import { bootstrap } from '../../../services/disclosure/control/bootstrap.ts';
import { type ControlPlane, openControlPlane } from '../../../services/disclosure/control/control-plane.ts';
import { ceremonyAdministrator } from '../../support/enrolment.ts';
import { replayOf } from '../../support/replayed.ts';
import { createTestClock } from '../../support/test-clock.ts';

const audience = 'https://griffie.example.nl';
const configuration = { software: '0', audience, retentionPeriod: 'P6M', manifestKey: {} };
let clock: ReturnType<typeof createTestClock>;
let ledger: Ledger;
let control: ControlPlane;
beforeEach(async () => {
  clock = createTestClock('2096-11-20T09:00:00.000Z');
  const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  ledger = await createLedger({ storage: createMemoryStorage(), signer });
  control = await openControlPlane(ledger, clock);
});

const person = async (credentialId: string, at = audience): Promise<CeremonyAdministrator> =>
  ceremonyAdministrator({ key: await generateKey('ES256'), credentialId, audience: at, now: clock.now() });
const start = (...ceremony: readonly CeremonyAdministrator[]) => bootstrap(control, configuration, ceremony);
const kinds = async (): Promise<string[]> => {
  const found = [];
  for await (const { entry } of ledger.entries()) found.push(entry.kind);
  return found;
};
const enrolled = (): string[] => [...control.state.credentials.values()].map(({ personId }) => personId);

describe('a start', () => {
  it('without a ceremony begins the ledger, and nobody can act', async () => {
    await start();
    expect(await kinds()).toEqual(['ledger.started']);
  });

  it('after the ceremony enrols both, for a year, once', async () => {
    const both = [await person('alice'), await person('bob')];
    await start();
    await start(...both);
    await start(...both);
    expect(await kinds()).toEqual(['ledger.started', 'credential.enrolled', 'credential.enrolled']);
    for (const { role, pending, notBefore, notAfter } of control.state.credentials.values()) {
      expect({ role, pending, notBefore, notAfter }).toEqual({
        role: 'administrator',
        pending: undefined,
        notBefore: '2096-11-20T09:00:00.000Z',
        notAfter: '2097-11-20T09:00:00.000Z',
      });
    }
    expect((await replayOf({ ledger })).problems).toEqual([]);
  });

  it('enrols nobody of a later ceremony while two can act', async () => {
    await start(await person('alice'), await person('bob'));
    await start(await person('carol'), await person('dave'));
    expect(enrolled()).toEqual(['alice', 'bob']);
  });

  it('enrols one again where one is left, and no second', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    await start(alice, bob);
    const { thumbprint } = bob;
    await control.transact((_, at) => ({
      entries: [
        {
          kind: 'credential.revoked',
          at,
          actor: { credential: alice.thumbprint, role: 'administrator' },
          subject: thumbprint,
          details: { thumbprint, reason: 'lost' },
        },
      ],
      result: undefined,
    }));
    await start(await person('carol'), await person('dave'));
    expect(enrolled()).toEqual(['alice', 'bob', 'carol']);
  });

  it('does so again where both have ended', async () => {
    await start(await person('alice'), await person('bob'));
    clock.set('2097-11-20T09:00:00.000Z');
    await start(await person('alice'), await person('carol'));
    expect(enrolled()).toEqual(['alice', 'bob', 'alice', 'carol']);
  });

  it.each<[string, () => Promise<CeremonyAdministrator[]>]>([
    ['the same person twice', async () => [await person('alice'), await person('alice')]],
    ['a key file for another service', async () => [await person('alice', 'https://x.example')]],
    [
      'a key whose holder did not sign',
      async () => {
        const [alice, mallory] = [await person('alice'), await generateKey('ES256')];
        const enrolment = { credentialId: 'alice', audience, nowSeconds: Math.floor(clock.now() / 1000) };
        return [{ ...alice, possession: await provePossession(mallory, enrolment) }];
      },
    ],
    [
      'a thumbprint that is not the key’s',
      async () => [{ ...(await person('alice')), thumbprint: 'A'.repeat(43) }],
    ],
  ])('with %s is refused, and nothing is recorded', async (_, ceremony) => {
    const given = await ceremony();
    await expect(start(...given)).rejects.toMatchObject({ code: 'bootstrap.administrator' });
    expect(await kinds()).toEqual([]);
  });
});

describe('the file of a ceremony', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-ceremony-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is read as it was written, holds no secret, and is replaced by the next', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    expect(await readCeremony(folder)).toEqual([]);
    const path = await writeCeremony(folder, [alice, bob]);
    expect(await readCeremony(folder)).toEqual([alice, bob]);
    expect(await readFile(path, 'utf8')).not.toContain('"d"');
    await writeCeremony(folder, [bob]);
    expect(await readCeremony(folder)).toEqual([bob]);
  });

  it.each(['', '{}', '{"administrators":[]}', '{"administrators":[{"role":"administrator"}]}'])(
    'that is %j is refused',
    async (text) => {
      await writeFile(join(folder, 'administrators.json'), text);
      await expect(readCeremony(folder)).rejects.toMatchObject({ code: 'bootstrap.file' });
    },
  );
});
