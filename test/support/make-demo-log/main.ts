import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMailServers, startSmtpSink } from '../mail-servers/index.ts';
import { Facts } from './facts.ts';
import { aliases, alice, hostName, hostsFile, localDomains, relayHosts } from './people.ts';
import { type Action, accounts, makePlan } from './plan.ts';
import { Random } from './random.ts';
import { PlanRunner, relayReply } from './run-plan.ts';

/*
 * Makes the demo's log. Started by make.sh, inside a mount and host-name namespace of its own:
 *   main.js hosts            prints the hosts file of that namespace
 *   main.js run <folder>     runs the plan against real servers, writes their logs and what was done
 */

const seed = 20_261_122;
/** Actions at the same time; with the pauses it makes a log of a few minutes. */
const lanes = 3;
const longestPauseMs = 500;

async function runPlan(folder: string): Promise<void> {
  if (hostname() !== hostName) throw new Error(`the host is not called ${hostName}: start this with make.sh`);
  const started = Object.entries(relayHosts).filter(([domain]) => domain !== 'down.example');
  const sinks = await Promise.all(
    started.map(([, { name, ip, port }]) => startSmtpSink({ host: ip, port, name, reply: relayReply })),
  );
  const servers = await startMailServers({
    hostName,
    domains: localDomains,
    users: accounts,
    aliases,
    relays: Object.fromEntries(
      Object.entries(relayHosts).map(([domain, { name, port }]) => [domain, { host: name, port }]),
    ),
    lookUpClientNames: true,
  });
  try {
    const facts = new Facts();
    const from = new Date();
    await runActions(new PlanRunner(servers, facts, new Random(seed + 1)), makePlan(seed));
    // Only the greylisted, and those whose server is down, are left: try again, then give up on the latter.
    const down = 2;
    await servers.flushQueue();
    await servers.waitForQueue(down);
    await servers.reconfigurePostfix({ maximal_queue_lifetime: '1s', bounce_queue_lifetime: '1s' });
    await sleep(2000);
    await servers.flushQueue();
    await servers.waitForQueue(0);
    await sleep(1000);
    const to = new Date();
    await writeFile(join(folder, 'postfix.log'), await readFile(servers.paths.postfixLog));
    await writeFile(join(folder, 'dovecot.log'), await readFile(servers.paths.dovecotLog));
    const expected = {
      window: { from: from.toISOString(), to: to.toISOString(), timeZone: 'UTC' },
      ...facts.summary([alice, 'bob@example.nl']),
    };
    await writeFile(join(folder, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
  } finally {
    await servers.stop();
    await Promise.all(sinks.map((sink) => sink.stop()));
  }
}

async function runActions(runner: PlanRunner, actions: readonly Action[]): Promise<void> {
  const queue = actions.values();
  const pauses = new Random(seed + 2);
  const lane = async (): Promise<void> => {
    for (const action of queue) {
      await runner.run(action);
      await sleep(pauses.int(0, longestPauseMs));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const [command, folder] = process.argv.slice(2);
if (command === 'hosts') process.stdout.write(hostsFile());
else if (command === 'run' && folder !== undefined) await runPlan(folder);
else throw new Error('usage: main.js hosts | main.js run <folder>');
