import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '#shared/runtime';
import type { CliIo } from '../io.ts';
import { demoFault, type Stage } from './stage.ts';

/** The bundled log of real servers. */
export const demoLogFolder: string = join(packageRoot, 'test', 'fixtures', 'demo-log');
const logNames = ['postfix.log', 'dovecot.log'] as const;

/** Longest time for the service to start, and for the log to be read. */
const patienceMs = 60_000;

export interface DemoService {
  readonly url: string;
  readonly data: string;
  readonly logs: string;
  stop(): Promise<void>;
}

/** Where the service will be, with its configuration and two log files that are still empty. */
export interface DemoPlace {
  readonly folder: string;
  readonly url: string;
  readonly data: string;
  readonly logs: string;
  readonly config: string;
}

export async function prepareDemoService(folder: string): Promise<DemoPlace> {
  const [data, logs] = [join(folder, 'data'), join(folder, 'log')];
  await mkdir(logs);
  for (const name of logNames) await writeFile(join(logs, name), '');
  const listen = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'griffie.json');
  const sources = logNames.map((name) => ({
    kind: 'file',
    id: name.replace('.log', ''),
    path: join(logs, name),
    host: 'mx1.example.nl',
  }));
  const content = { dataFolder: data, listen, operator: 'Example Mail (demonstration)', sources };
  await writeFile(config, `${JSON.stringify(content, null, 2)}\n`);
  return { folder, url: `http://${listen}`, data, logs, config };
}

/** Starts `griffie start` as a process of its own. */
export async function startDemoService(io: CliIo, stage: Stage, place: DemoPlace): Promise<DemoService> {
  const { folder, url, data, logs, config } = place;
  const process = io.startSelf(['start', '--config', config], join(folder, 'service.log'));
  await stage.say(`    operator$ griffie start --config griffie.json`);
  let started = false;
  const reading = (async () => {
    for await (const chunk of process.output) {
      for (const line of Buffer.from(chunk).toString('utf8').trimEnd().split('\n')) {
        await stage.say(`      ${line.replaceAll(`${data}/`, '').replaceAll(`${folder}/`, '')}`);
        started ||= line.includes(url);
      }
    }
  })();
  await waitUntil(() => started, 'the service did not start; see service.log');
  return {
    url,
    data,
    logs,
    stop: async () => {
      await process.stop();
      await reading;
    },
  };
}

/** Writes the bundled log as its servers did, in pieces that end anywhere. */
export async function feedLog({ logs }: DemoService): Promise<number> {
  let lines = 0;
  for (const name of logNames) {
    const log = await readFile(join(demoLogFolder, name));
    lines += log.filter((byte) => byte === 0x0a).length;
    for (let at = 0; at < log.length; at += 300_007) {
      await appendFile(join(logs, name), log.subarray(at, at + 300_007));
    }
  }
  return lines;
}

export async function waitUntil(holds: () => Promise<boolean> | boolean, otherwise: string): Promise<void> {
  for (let waited = 0; waited < patienceMs; waited += 100) {
    if (await holds()) return;
    await sleep(100);
  }
  throw demoFault(otherwise);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
