import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeEntry } from '#shared/ledger';
import { createCli } from '../../../services/cli/cli.ts';
import { testEvent } from '../../support/events.ts';
import { audience, type Person } from '../../support/test-service.ts';
import { Collected, type Ran } from '../../unit/cli/support.ts';
import { fetchFrom, type ServiceUnderTest, startService } from '../cli/against-service.ts';

let world: ServiceUnderTest;
let auditor: string;
let officer: Person;
let orderId: string;
let disclosureId: string;

beforeAll(async () => {
  world = await startService();
  auditor = await world.person('auditor');
  const { service } = world;
  await service.store.insertEvents([testEvent()], { deduplicationToken: 'a' });
  orderId = await service.approvedOrder();
  officer = await service.enrol('officer', 'the-officer');
  const requested = await officer.call('POST', '/v1/disclosures', { body: { orderId } });
  ({ disclosureId } = requested.body);
  await service.finished(officer, disclosureId);
  await officer.call('GET', `/v1/disclosures/${disclosureId}/package`);
  await (await service.enrol('officer')).call('GET', `/v1/disclosures/${disclosureId}/package`);
});
afterAll(() => world.stop());

const audit = (command: string, ...args: readonly string[]): Promise<Ran> =>
  world.griffie('audit', command, audience, ...args, '--as', auditor);
const size = (): number => world.service.ledger.checkpoint().size;

describe('griffie audit search', () => {
  it('shows what was refused, of the service and of a copy of its folder alike', async () => {
    const args = ['--outcome', 'refused', '--json'];
    const [online, offline] = [
      await audit('search', ...args),
      await world.griffie('audit', 'search', world.ledgerFolder, ...args),
    ];
    expect(online.json()).toEqual(offline.json());
    expect(online.json().items).toEqual([
      expect.objectContaining({ entry: expect.objectContaining({ kind: 'access.refused' }) }),
    ]);
  });

  it('goes on where it stopped', async () => {
    const one = await audit('search', '--limit', '2', '--json');
    expect(one.json().next).toBe(2);
    const text = await audit('search', '--limit', '2', '--first', '1');
    expect(text.stdout).toContain('add --first 3');
    expect(text.stdout).toContain('credential.enrolled');
    const offline = await world.griffie(
      'audit',
      'search',
      world.ledgerFolder,
      '--actor',
      'the-officer',
      '--json',
    );
    expect((offline.json().items as unknown[]).length).toBeGreaterThan(2);
  });

  it.each([
    ['--about', 'alice@example.nl'],
    ['--kind', 'order.forged'],
    ['--actor', 'A b'],
    ['--outcome', 'none'],
  ])('refuses %s %s', async (option, value) => {
    expect((await audit('search', option, value, '--json')).exitCode).toBe(2);
  });
});

describe('griffie audit story', () => {
  it('tells a disclosure from the order to the collection, with everybody’s signature', async () => {
    const ran = await audit('story', disclosureId, '--json');
    const story = ran.json() as {
      orderId: string;
      entries: {
        entry: { kind: string; details: object };
        signature: string;
        by: { personId: string } | null;
      }[];
    };
    expect(story.orderId).toBe(orderId);
    const told = story.entries.map(({ entry, signature }) => [entry.kind, signature]);
    expect(told.filter(([kind]) => kind !== 'access.granted')).toEqual([
      ['order.recorded', 'verified'],
      ['order.approved', 'verified'],
      ['disclosure.requested', 'verified'],
      ['disclosure.released', 'none'],
      ['disclosure.collected', 'verified'],
      ['access.refused', 'verified'],
    ]);
    expect(told).toContainEqual(['access.granted', 'verified']);
    expect(story.entries.find(({ entry }) => entry.kind === 'disclosure.requested')?.by?.personId).toBe(
      'the-officer',
    );
    const offline = await world.griffie('audit', 'story', world.ledgerFolder, disclosureId, '--json');
    expect(offline.json()).toEqual(ran.json());
  });

  it('reads as a story', async () => {
    const { stdout } = await audit('story', disclosureId);
    expect(stdout).toMatch(
      /order recorded by registrar [\s\S]*order approved by reviewer [\s\S]*disclosure requested and allowed by officer the-officer [\s\S]*package announced by disclosure[\s\S]*package collected by officer the-officer/,
    );
    expect(stdout).toMatch(/manifestSha256 +[0-9a-f]{64}/);
    expect(stdout).toContain("verified with the actor's key");
    expect(stdout).not.toMatch(/@|alice/);
  });

  it('says so where nothing is about the id', async () => {
    const ran = await audit('story', '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e', '--json');
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({
      exitCode: 1,
      code: 'disclosure.unknown',
    });
  });
});

describe('griffie audit export', () => {
  it('writes every entry as it stands in the ledger: each line gives the leaf again', async () => {
    const out = world.folder.path('ledger.ndjson');
    const before = size();
    const ran = await audit('export', '--out', out);
    expect(ran.stderr).toBe('');
    const lines = readFileSync(out, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    // One page, one reading; the reading itself is the last line.
    expect(size()).toBe(before + 1);
    expect(lines.map(({ index }) => index)).toEqual(Array.from({ length: before + 1 }, (_, index) => index));
    for await (const { index, bytes } of world.service.ledger.entries(0, before)) {
      expect(Buffer.from(encodeEntry(lines[index].entry))).toEqual(Buffer.from(bytes));
    }
  });

  it('writes CSV that a spreadsheet can open', async () => {
    const { stdout } = await audit('export', '--format', 'csv', '--kind', 'order.recorded');
    const [head, line, ...rest] = stdout.split('\r\n');
    expect(head).toBe('index,at,kind,outcome,actor,role,subject,details,commitments,evidence,id');
    expect(line).toMatch(/^\d+,2096-11-20T09:00:00\.000Z,order\.recorded,done,[\w'-]+,registrar,/);
    expect(rest).toEqual(['']);
  });
});

describe('griffie audit follow', () => {
  it('shows what others do as it happens, and its own reading causes no more reading', async () => {
    const [stdout, stderr] = [new Collected(), new Collected()];
    let stop = (): void => {};
    let looks = 0;
    const fetch = fetchFrom(world.service);
    const cli = createCli({
      stdin: (async function* () {})(),
      stdout,
      stderr,
      env: {},
      now: () => world.service.clock.now(),
      fetch: (input, init) => {
        if (String(input).endsWith('/ledger/checkpoint')) looks++;
        return fetch(input, init);
      },
      onStop: (end) => {
        stop = end;
      },
      startSelf: () => {
        throw new Error('not here');
      },
    });
    const shown = (): { entry: { kind: string } }[] =>
      stdout
        .text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    const running = cli.run(['audit', 'follow', audience, '--as', auditor, '--interval', '1', '--json']);
    const waitFor = async (condition: () => boolean): Promise<void> => {
      for (let tries = 0; !condition() && tries < 600; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(condition()).toBe(true);
    };
    // Acts again until the follower, whenever it began, has shown one of the acts.
    let acts = 0;
    await waitFor(() => {
      if (shown().length === 0 && acts < 200) {
        acts++;
        void officer.call('GET', '/v1/orders');
      }
      return shown().length > 0;
    });
    expect(new Set(shown().map(({ entry }) => entry.kind))).toEqual(new Set(['access.granted']));
    const own = async (): Promise<number> => {
      let readings = 0;
      for await (const { entry } of world.service.ledger.entries()) {
        if (entry.details.route === 'POST /v1/ledger/search') readings++;
      }
      return readings;
    };
    const waitForLooks = (count: number): Promise<void> => {
      const wanted = looks + count;
      return waitFor(() => looks >= wanted);
    };
    // Settled once all was shown; then looking again and again reads nothing.
    await waitForLooks(3);
    const before = await own();
    await waitForLooks(3);
    expect(await own()).toBe(before);
    stop();
    expect(await running).toBe(0);
    expect(stderr.text()).toBe('');
    expect(shown().some(({ entry }) => JSON.stringify(entry).includes('/v1/ledger/search'))).toBe(false);
  });
});

describe('griffie audit verify over the network', () => {
  it('leaves one reading for thousands of entries', async () => {
    const before = size();
    const ran = await audit('verify', '--keys', world.pins, '--json');
    expect(ran.json()).toMatchObject({ verified: true, size: before, entriesReplayed: before });
    expect(size()).toBe(before + 1);
  });

  it('trusts on first use where told to keep a state, and says so', async () => {
    const state = world.folder.path('griffie.seen');
    const first = await audit('verify', '--state', state);
    expect(first.stdout).toContain('The key was kept on first use');
    const second = await audit('verify', '--state', state, '--json');
    expect(second.json()).toMatchObject({
      keyFrom: 'state',
      keysPinned: false,
      state: { earlier: 1, extended: 1 },
    });
  });
});
