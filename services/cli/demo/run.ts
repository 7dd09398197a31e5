import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Role } from '#shared/control';
import type { TrafficEvent } from '#shared/traffic';
import type { CliIo } from '../io.ts';
import { attack } from './attacks.ts';
import { writeIncompleteOrder, writeOrder } from './orders.ts';
import {
  type DemoService,
  demoLogFolder,
  feedLog,
  prepareDemoService,
  startDemoService,
  waitUntil,
} from './service.ts';
import { demoFault, Stage } from './stage.ts';

/** Whose traffic data the demonstration's order is about. */
const target = 'alice@example.nl';

/** Members of the bundled log's `expected.json` that the demonstration checks itself against. */
const expectations = z.object({
  people: z.record(
    z.string(),
    z.object({
      sent: z.array(z.object({ recipients: z.array(z.string()) })),
      received: z.array(z.unknown()),
      logins: z.array(z.unknown()),
      failedLogins: z.array(z.unknown()),
    }),
  ),
});

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * The main job from beginning to end on a bundled real log, played through the command line and the public
 * API alone. Leaves its folder with the opened package and says where.
 */
export async function runDemo(options: { readonly out?: string }, io: CliIo): Promise<void> {
  const begun = io.now();
  const folder = options.out ? resolve(options.out) : await mkdtemp(join(tmpdir(), 'griffie-demo-'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stage = new Stage(io, 7);
  await stage.say(
    `Griffie: from a mail server's log to a disclosure that a court can verify.\nFolder: ${folder}`,
  );

  await stage.scene(
    'Two administrators bring their keys; the operator starts Griffie, all of it in one process',
  );
  const place = await prepareDemoService(folder);
  const halves: string[] = [];
  for (const name of ['alice', 'bob']) {
    halves.push(
      '--administrator',
      `${name}=${await makeKey(stage, (path) => join(folder, path), name, place.url)}`,
    );
  }
  await stage.does('operator', ['service', 'bootstrap', '--data', place.data, ...halves]);
  const service = await startDemoService(io, stage, place);
  try {
    await play(io, stage, folder, service);
  } finally {
    await service.stop();
  }
  await stage.say(`\nDone in ${seconds(io.now() - begun)}. Look at these:`);
  const opened = join(folder, 'disclosure');
  for (const name of (await readdir(join(opened, 'parts'))).sort())
    await stage.say(`  ${join(opened, 'parts', name)}`);
  await stage.say(`  ${join(opened, 'manifest.jws')}`);
  await stage.say(`The ledger: ${join(folder, 'data', 'ledger')}`);
}

/** Somebody makes a key of their own. @returns the file of its public half */
async function makeKey(
  stage: Stage,
  file: (name: string) => string,
  name: string,
  url: string,
): Promise<string> {
  const [key, open] = [file(`${name}.json`), file(`${name}.public.json`)];
  await stage.run(['key', 'new', '--credential', name, '--service', url, '--out', key]);
  await stage.run(['key', 'public', '--as', key, '--out', open]);
  return open;
}

async function play(io: CliIo, stage: Stage, folder: string, service: DemoService): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const pins = file('service-keys.json');

  await stage.scene(
    'Postfix and Dovecot write their logs; every line becomes an event, or is counted with a reason',
  );
  const lines = await feedLog(service);
  await waitForLog(stage, service, lines);
  const log = await stage.run(['sources', '--data', service.data]);
  for (const line of log.stdout.trimEnd().split('\n')) await stage.say(`      ${line}`);

  await stage.scene('One administrator enrols four people, another confirms; keys are made by their owners');
  await stage.does('everyone', ['service', 'keys', '--url', service.url, '--out', pins]);
  const people: [name: string, person: string, role: Role][] = [
    ['registrar', 'j-devries', 'registrar'],
    ['registrar-2', 'j-devries', 'reviewer'],
    ['reviewer', 'm-bakker', 'reviewer'],
    ['officer', 'a-jansen', 'officer'],
    ['auditor', 'k-smit', 'auditor'],
  ];
  for (const [name, person, role] of people) {
    const open = await makeKey(stage, file, name, service.url);
    const who = ['--key', open, '--person', person, '--role', role];
    await stage.does('alice', ['credential', 'enrol', '--as', file('alice.json'), ...who]);
    await stage.does('bob', ['credential', 'confirm', '--as', file('bob.json'), ...who]);
  }
  const identity = file('prosecutor-identity.txt');
  const { recipient } = await stage.does('prosecutor', ['key', 'recipient', '--out', identity]);
  const [registrar, reviewer, officer, auditor] = ['registrar', 'reviewer', 'officer', 'auditor'].map(
    (name) => file(`${name}.json`),
  );
  if (!registrar || !reviewer || !officer || !auditor) throw demoFault('a credential is missing');

  await stage.scene('An order comes in: recorded by one person, approved by another');
  const window = await windowOfLog(stage);
  const order = { now: io.now(), target, recipient: String(recipient), ...window };
  const written = await writeOrder(folder, 'order', order);
  const record = (path: string): string[] => [
    'order',
    'record',
    '--as',
    registrar,
    '--order',
    path,
    '--document',
    written.document,
  ];
  await stage.isRefused('registrar', record(await writeIncompleteOrder(folder)), 'order.invalid');
  const { orderId } = await stage.does('registrar', record(written.order));
  const id = String(orderId);
  const request = ['disclosure', 'request', '--as', officer, '--order'];
  await stage.isRefused('officer', [...request, id], 'order.not_approved');
  await stage.isRefused(
    'registrar',
    ['order', 'approve', id, '--as', file('registrar-2.json')],
    'order.own_registration',
  );
  const estimate = await stage.does('reviewer', ['order', 'estimate', id, '--as', reviewer]);
  await stage.say(`      ${String(estimate.total)} records would be released; counts only`);
  await stage.does('reviewer', ['order', 'approve', id, '--as', reviewer]);

  await stage.scene(
    'The officer asks; what the order does not cover is refused, and every refusal is in the ledger',
  );
  await stage.isRefused('officer', [...request, '01890000-0000-7000-8000-000000000000'], 'order.unknown');
  await stage.isRefused(
    'officer',
    [...request, id, '--target', 'address=bob@example.nl'],
    'scope.target_not_in_order',
  );
  await stage.isRefused(
    'officer',
    [...request, id, '--from', '2020-01-01T00:00:00Z'],
    'scope.window_not_in_order',
  );
  await stage.isRefused('auditor', ['disclosure', 'request', '--as', auditor, '--order', id], 'access.role');
  await attack(io, stage, officer, id);
  await tryExpiredOrder(io, stage, folder, order, { registrar, reviewer, officer });

  await stage.scene(
    'The disclosure: signed, encrypted to the prosecutor, announced in the ledger before it leaves',
  );
  const { disclosureId, records } = await stage.does('officer', [...request, id, '--wait']);
  const tar = file('package.tar');
  await stage.does('officer', ['disclosure', 'fetch', String(disclosureId), '--as', officer, '--out', tar]);
  const out = file('disclosure');
  await stage.does('prosecutor', [
    'package',
    'open',
    tar,
    '--identity',
    identity,
    '--keys',
    pins,
    '--out',
    out,
  ]);
  await stage.say(`      ${String(records)} records about ${target}, opened and verified`);
  await checkRecords(stage, out);

  await stage.scene(
    'The auditor verifies the ledger: whole, in order, signed, and what it says follows from itself',
  );
  await stage.does('auditor', ['audit', 'verify', service.url, '--as', auditor, '--keys', pins]);
  await stage.say('      the tree, every hash, the signature and every entry hold');
}

const statusView = z.object({
  sources: z.array(z.object({ lines: z.int(), events: z.int(), lagBytes: z.int().optional() })),
});

async function waitForLog(stage: Stage, { data }: DemoService, lines: number): Promise<void> {
  await waitUntil(async () => {
    const told = await stage.run(['status', '--data', data, '--json']);
    const status = statusView.safeParse(told.exitCode === 0 ? JSON.parse(told.stdout) : undefined);
    const read = status.data?.sources.reduce((sum, source) => sum + source.lines, 0);
    return read === lines && status.data?.sources.every(({ lagBytes }) => lagBytes === 0) === true;
  }, 'the log was not read to its end');
}

/** First and last day of the bundled log. Its lines have no year, so Griffie is asked what it makes of them. */
async function windowOfLog(stage: Stage): Promise<{ from: string; to: string }> {
  const log = createReadStream(join(demoLogFolder, 'postfix.log'));
  const { stdout } = await stage.run(['parse', 'postfix', '--host', 'mx1.example.nl'], log);
  const days = stdout
    .trimEnd()
    .split('\n')
    .map((line) => z.object({ occurredAt: z.string() }).parse(JSON.parse(line)).occurredAt.slice(0, 10))
    .sort();
  const end = new Date(`${days.at(-1)}T00:00:00Z`);
  end.setUTCDate(end.getUTCDate() + 1);
  return { from: `${days[0]}T00:00:00.000Z`, to: end.toISOString() };
}

async function tryExpiredOrder(
  io: CliIo,
  stage: Stage,
  folder: string,
  order: Parameters<typeof writeOrder>[2],
  as: { registrar: string; reviewer: string; officer: string },
): Promise<void> {
  const now = io.now();
  // Long enough for recording and approving it on this machine, which has shown how fast it is.
  const validMs = Math.max(3_000, (now - order.now) / 2);
  const files = await writeOrder(folder, 'order-short', { ...order, now, validMs });
  const recording = [
    'order',
    'record',
    '--as',
    as.registrar,
    '--order',
    files.order,
    '--document',
    files.document,
  ];
  const { orderId } = await stage.does('registrar', recording);
  await stage.does('reviewer', ['order', 'approve', String(orderId), '--as', as.reviewer]);
  await sleep(Math.max(0, now + validMs + 50 - io.now()));
  await stage.isRefused(
    'officer',
    ['disclosure', 'request', '--as', as.officer, '--order', String(orderId)],
    'order.expired',
  );
}

/** Holds the opened records against what the servers' client did when the log was made. */
async function checkRecords(stage: Stage, out: string): Promise<void> {
  const expected = expectations.parse(
    JSON.parse(await readFile(join(demoLogFolder, 'expected.json'), 'utf8')),
  );
  const person = expected.people[target];
  if (!person) throw demoFault('the bundled log says nothing about the target');
  const records: TrafficEvent[] = [];
  for (const name of await readdir(join(out, 'parts'))) {
    if (!name.endsWith('.ndjson')) continue;
    const lines = (await readFile(join(out, 'parts', name), 'utf8')).trimEnd().split('\n');
    records.push(...lines.map((line): TrafficEvent => JSON.parse(line)));
  }
  const count = (type: TrafficEvent['type'], field?: keyof TrafficEvent): number =>
    records.filter((record) => record.type === type && (field === undefined || record[field] === target))
      .length;
  const facts: [what: string, found: number, expected: number][] = [
    ['messages sent', count('message.accepted', 'senderAddress'), person.sent.length],
    ['logins', count('session.login'), person.logins.length],
    ['failed logins', count('session.login_failed'), person.failedLogins.length],
  ];
  for (const [what, found, wanted] of facts) {
    if (found !== wanted)
      throw demoFault(`${what}: ${found} in the package, ${wanted} when the log was made`);
    await stage.say(`      ${what}: ${found}, as when the log was made`);
  }
  await writeFile(
    join(out, 'README.txt'),
    'parts/report.pdf is for reading; parts/*.ndjson are the records.\n',
  );
}
