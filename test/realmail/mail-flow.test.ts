import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CategoryId, projectToCategories, type TrafficEvent, trafficCategories } from '#shared/traffic';
import { describeWithMailServers } from '../support/mail-servers/describe.ts';
import { LiveCollection } from './collected.ts';
import { Expectations } from './expectations.ts';
import { type ExpectedEvent, matchEvents } from './expected-event.ts';
import { home, mobile, partner, partner6, planted, Scenes } from './scenes.ts';
import { hostName, startWorld, users, type Variant, type World } from './world.ts';

/** Rounds of everyday mail beside the fixed scenes. */
const rounds = Number(process.env.ROUNDS ?? 5);

/** Broad targets: all that names an address of the local domains, or the partner's network. */
const everyone = [
  ['domain', 'example.nl'],
  ['domain', 'example.net'],
  ['prefix', '198.51.100.0/24'],
] as const;
const variants: readonly (readonly [name: string, variant: Variant])[] = [
  ['UTC, short queue ids', { timeZone: 'UTC', longQueueIds: false }],
  ['Amsterdam time, long queue ids', { timeZone: 'Europe/Amsterdam', longQueueIds: true }],
];

describeWithMailServers('mail through real Postfix and Dovecot', () => {
  describe.each(variants)('%s', (_, variant) => mailFlow(variant));
});

function mailFlow(variant: Variant): void {
  let started: number;
  let world: World;
  let expectations: Expectations;
  let collection: LiveCollection;
  let found: TrafficEvent[];
  let downDeferrals: TrafficEvent[];
  let reading: { stored: TrafficEvent[]; inScope: TrafficEvent[] };
  let kept: string[];
  let fetched: string[];
  let notUnderstood: Record<string, number>[];

  /** Every expectation met, or half a minute gone; then a moment for what should not come. */
  async function waitForEvents(): Promise<void> {
    const end = Date.now() + 30_000;
    while (matchEvents(expectations.events, collection.published).missing.length > 0 && Date.now() < end) {
      await sleep(200);
    }
    await sleep(1000);
  }

  beforeAll(async () => {
    started = Date.now();
    world = await startWorld(variant);
    expectations = new Expectations(world.relays);
    const scenes = new Scenes(world.servers, expectations);
    collection = await LiveCollection.start(world.servers.paths, variant.timeZone);
    await scenes.fixedScenes();
    for (let round = 0; round < rounds; round++) {
      await scenes.everydayMail(round);
      if (round === 0) await world.servers.rotateLogs();
      if (round % 3 === 1) await collection.restart();
    }
    await scenes.emptyQueue(rounds);
    fetched = await scenes.readMail();
    await waitForEvents();
    notUnderstood = collection.status().map((source) => ({ ...source.notUnderstood }));
    reading = await collection.stopAndRead(everyone);
    kept = await collection.closeAndReadFiles();
    // How often a server that is down was tried is Postfix's affair; that it was is checked by itself.
    const isDownDeferral = (event: TrafficEvent): boolean =>
      event.type === 'message.deferred' && event.recipientAddress === 'friend@down.example';
    downDeferrals = collection.events.filter(isDownDeferral);
    found = collection.events.filter((event) => !isDownDeferral(event));
  });

  afterAll(async () => {
    await collection?.remove();
    await world?.stop();
  });

  const foundOf = (type: TrafficEvent['type']): TrafficEvent[] =>
    found.filter((event) => event.type === type);
  const project = (event: TrafficEvent, category: CategoryId): Partial<TrafficEvent> =>
    projectToCategories(event, [category]) ?? {};

  it('gives every event that the client’s deeds must give, once, and no other', () => {
    expect(matchEvents(expectations.events, found)).toEqual({ missing: [], unexpected: [] });
    expect(downDeferrals.length).toBeGreaterThan(0);
  });

  it('dates each event in UTC, whatever zone the servers log in', () => {
    for (const { occurredAt } of found) {
      expect(Date.parse(occurredAt)).toBeGreaterThan(started - 1000);
      expect(Date.parse(occurredAt)).toBeLessThan(Date.now());
    }
  });

  it('gives them back from the store, each once and unchanged', () => {
    const byId = (events: readonly TrafficEvent[]) =>
      [...events].sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
    expect(reading.inScope.length).toBeGreaterThan(found.length * 0.9);
    expect(byId(reading.stored)).toEqual(byId(reading.inScope));
  });

  it('covers every type of event and every local service', () => {
    const types = new Set(expectations.events.map((event: ExpectedEvent) => event.type));
    expect(types.size).toBe(10);
    const services = new Set(found.map((event) => event.service));
    expect([...services].sort()).toEqual(['imap', 'lmtp', 'managesieve', 'pop3', 'smtp', 'submission']);
  });

  it('understands every line that the servers wrote', () => {
    expect(notUnderstood).toEqual([{}, {}]);
  });

  it('answers category 1, the sender: address, IP address and user', () => {
    for (const event of foundOf('message.accepted').filter((e) => e.service === 'submission')) {
      expect(project(event, 'sender')).toMatchObject({
        senderIp: expect.any(String),
        senderAddress: event.senderUser,
        senderUser: expect.any(String),
      });
    }
  });

  it('answers category 2, the host that sent it: IP address and name', () => {
    const outside = found.filter(
      (e) =>
        e.senderAddress === 'adam@example.org' && e.type === 'message.delivered' && e.software === 'postfix',
    );
    expect(outside.length).toBeGreaterThan(0);
    for (const event of outside) {
      const { originHostIp, originHostName } = project(event, 'originHost');
      expect([partner, partner6]).toContainEqual({ ip: originHostIp, name: originHostName });
    }
  });

  it('answers category 3, the recipient, on one event for each', () => {
    for (const event of foundOf('message.delivered')) {
      const { recipientAddress, recipientUser } = project(event, 'recipient');
      expect(recipientAddress ?? recipientUser).toMatch(/@/);
    }
  });

  it('answers category 4, the host that delivered it: its full name, or its address', () => {
    for (const event of foundOf('message.delivered')) {
      const { deliveryHostName, deliveryHostIp } = project(event, 'deliveryHost');
      if (event.service === 'lmtp') expect(deliveryHostName).toBe(hostName);
      else expect(deliveryHostIp).toBe('127.0.0.20');
    }
  });

  it('answers category 5, the IP address used to read mail', () => {
    expect(foundOf('mailbox.retrieved').length).toBeGreaterThan(0);
    for (const event of foundOf('mailbox.retrieved')) {
      expect([home.ip, mobile.ip]).toContain(project(event, 'retrievalIp').clientIp);
    }
  });

  it('answers category 6, login and logout in UTC with the IP address, joined by the session', () => {
    const logouts = new Map(foundOf('session.logout').map((event) => [event.sessionId, event]));
    expect(logouts.size).toBe(foundOf('session.login').length);
    for (const login of foundOf('session.login')) {
      const logout = logouts.get(login.sessionId);
      expect(logout).toBeDefined();
      expect(project(login, 'session').clientIp).toBe(logout?.clientIp);
      expect(login.occurredAt).toMatch(/Z$/);
      expect(logout !== undefined && login.occurredAt <= logout.occurredAt).toBe(true);
    }
  });

  it('answers category 7, the internet service, on every event', () => {
    expect(trafficCategories).toHaveLength(7);
    for (const event of found) expect(project(event, 'service').service).toBe(event.service);
  });

  it('keeps no subject, body, password or reply text, in no event, no checkpoint and no table', () => {
    // The planted words were there to be found: the mailbox has them.
    expect(fetched.join('\n')).toContain(planted.subject);
    expect(fetched.join('\n')).toContain(planted.body);
    const everything = [JSON.stringify(collection.published), ...kept].join('\n');
    expect(everything).not.toMatch(/planted/i);
    for (const { password } of users) {
      expect(everything).not.toContain(Buffer.from(password).toString('base64').replace(/=+$/, ''));
    }
  });
}
