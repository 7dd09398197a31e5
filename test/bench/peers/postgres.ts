import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { evictScript } from './cold.ts';
import type { Found, Kept } from './found.ts';
import { createIndexes, createTable, selectByAddress } from './postgres-schema.ts';
import type { Column } from './tables.ts';

/*
 * A PostgreSQL of our own: a cluster in a folder, run by an unprivileged user, reached over a socket in it.
 */

/** Where Debian keeps the programs of each version; elsewhere they are in the path. */
const debianFolder = '/usr/lib/postgresql';

/** What is set differently from Debian's configuration: what its operator would give it on this machine. */
const settings = {
  listen_addresses: '',
  timezone: 'UTC',
  shared_buffers: '1GB',
  maintenance_work_mem: '512MB',
  max_wal_size: '8GB',
  effective_cache_size: '8GB',
  random_page_cost: '1.1',
} as const;

export interface Postgres {
  readonly version: string;
  /** Loads a file of lines and makes an index for each identifier. */
  load(file: string, columns: readonly Column[]): Kept;
  /** The events of an address, in a fresh session; cold: of a server that was just started. */
  lookUp(address: string, cold: boolean): Promise<Found>;
  stop(): Promise<void>;
}

interface Programs {
  readonly folder: string;
  readonly version: string;
}

export function findPostgres(): Programs | null {
  const numbers = list(debianFolder)
    .map(Number)
    .sort((a, b) => b - a);
  const folders = [
    ...numbers.map((number) => join(debianFolder, String(number), 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  for (const folder of folders) {
    const names = list(folder);
    if (!['initdb', 'postgres', 'psql'].every((name) => names.includes(name))) continue;
    const version = /\d+(\.\d+)*/.exec(
      execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' }),
    );
    return { folder, version: version?.[0] ?? '' };
  }
  return null;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** PostgreSQL refuses to be run by root: then its package's own user runs it. */
function runAs(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  return { uid: id('-u'), gid: id('-g') };
}

/** @param folder empty, and every folder above it open to all users */
export async function startPostgres({ folder: bin, version }: Programs, folder: string): Promise<Postgres> {
  const user = runAs();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, stdio: 'ignore' as const };
  const init = ['-D', data, '-U', 'bench', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  execFileSync(join(bin, 'initdb'), init, options);

  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const start = () => spawn(join(bin, 'postgres'), ['-D', data, '-k', folder, ...given], options);
  const connect = ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-U', 'bench', 'postgres'];
  const ask = (input: string): string =>
    execFileSync(join(bin, 'psql'), connect, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
  let server = start();
  const killWithUs = (): void => void server.kill('SIGKILL');
  process.once('exit', killWithUs);
  await answers();

  async function answers(): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt++) {
      try {
        ask('SELECT 1;');
        return;
      } catch {
        if (server.exitCode !== null) break;
        await sleep(50);
      }
    }
    throw new Error('PostgreSQL did not start');
  }

  /** All connections are ended, and what was written is on the disk. */
  async function end(): Promise<void> {
    const gone = once(server, 'exit');
    server.kill('SIGINT');
    await gone;
  }

  return {
    version,

    load(file, columns) {
      ask(createTable(columns));
      const started = performance.now();
      ask(`COPY traffic FROM '${file}' WITH (FORMAT text, NULL '');`);
      for (const index of createIndexes) ask(index);
      ask('ANALYZE traffic; CHECKPOINT;');
      const loadSeconds = (performance.now() - started) / 1000;
      return { bytes: Number(ask("SELECT pg_total_relation_size('traffic');")), loadSeconds };
    },

    async lookUp(address, cold) {
      if (cold) {
        await end();
        server = start();
        await answers();
      }
      const output = join(folder, 'found');
      // The session knows its tables before the data leave the cache; then only the data are cold.
      const printed = ask(
        [
          ...['\\o /dev/null', `EXPLAIN ${selectByAddress('nobody@nowhere.example')};`],
          ...[
            cold ? `\\! ${evictScript(data)}` : '',
            '\\timing on',
            `\\o ${output}`,
            `${selectByAddress(address)};`,
          ],
          ...['\\o', '\\timing off', `\\! wc -l <${output}`],
        ].join('\n'),
      );
      const [, ms, count] = /Time: ([\d.]+) ms.*\n(\d+)\n/.exec(printed) ?? [];
      if (ms === undefined) throw new Error('psql did not say how long it took');
      return { ms: Number(ms), count: Number(count) };
    },

    async stop() {
      await end();
      process.off('exit', killWithUs);
    },
  };
}
