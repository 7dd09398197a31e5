import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openServerDatabase } from '#shared/store';
import { startHttpEngineProcess } from './engine-process.ts';
import { startHttpEngine } from './http-engine.ts';

export interface OpenServer {
  readonly database: Database;
  remove(): Promise<void>;
}

const image = 'clickhouse/clickhouse-server:25.8';
const nobody = { username: 'default', password: '', database: 'default' };

/** The embedded engine behind HTTP, in this process or in one of its own. */
export async function openHttpEngine(where: 'here' | 'process'): Promise<OpenServer> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-http-'));
  const engine = await (where === 'here' ? startHttpEngine(folder) : startHttpEngineProcess(folder));
  return {
    database: openServerDatabase({ url: engine.url, ...nobody }),
    async remove() {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A real server: the one given, or one in a container, where there is one. */
export function realServer(): { readonly name: string; open(): Promise<OpenServer> } | null {
  const url = process.env.GRIFFIE_CLICKHOUSE_URL;
  if (url !== undefined) {
    const username = process.env.GRIFFIE_CLICKHOUSE_USER ?? 'default';
    const password = process.env.GRIFFIE_CLICKHOUSE_PASSWORD ?? '';
    return {
      name: 'a given ClickHouse server',
      open: () => openFreshDatabase({ url, username, password }, async () => {}),
    };
  }
  return hasDocker() ? { name: 'ClickHouse server in a container', open: openContainer } : null;
}

async function openFreshDatabase(
  account: { readonly url: string; readonly username: string; readonly password: string },
  after: () => Promise<void>,
): Promise<OpenServer> {
  const admin = openServerDatabase({ ...account, database: 'default' });
  const database = `griffie_test_${randomUUID().slice(0, 8)}`;
  await admin.command(`CREATE DATABASE ${database}`);
  return {
    database: openServerDatabase({ ...account, database }),
    async remove() {
      await admin.command(`DROP DATABASE ${database}`);
      await admin.close();
      await after();
    },
  };
}

async function openContainer(): Promise<OpenServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = randomUUID();
  const container = await new GenericContainer(image)
    .withExposedPorts(8123)
    .withEnvironment({ CLICKHOUSE_USER: 'griffie', CLICKHOUSE_PASSWORD: password })
    .withWaitStrategy(Wait.forHttp('/ping', 8123))
    .start();
  const url = `http://${container.getHost()}:${container.getMappedPort(8123)}`;
  return openFreshDatabase({ url, username: 'griffie', password }, async () => void (await container.stop()));
}

function hasDocker(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}
