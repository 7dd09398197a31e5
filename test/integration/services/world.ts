import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMigrations,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
} from '#shared/store';
import { type HttpEngine, startHttpEngine } from '../../support/clickhouse-http/http-engine.ts';
import { freePorts } from '../../support/mail-servers/ports.ts';
import { type ServiceName, type ServiceProcess, startService } from '../../support/service-process.ts';

type Variables = Readonly<Record<string, string>>;

/** A ClickHouse server's stand-in, and a folder, for services that run as processes of their own. */
export interface ServiceWorld {
  readonly folder: string;
  readonly engine: HttpEngine;
  /** The same engine, over its server's interface. */
  readonly database: Database;
  /** Makes the tables; done by `migrated`. */
  migrate(): Promise<void>;
  /** The log that the collector follows. */
  readonly log: string;
  /** What every service is told, and what this one is. */
  variables(service: ServiceName, more?: Variables): Promise<Variables>;
  start(service: ServiceName, more?: Variables): Promise<ServiceProcess>;
  remove(): Promise<void>;
}

/** @param options.migrated whether its tables are made */
export async function openServiceWorld({ migrated }: { migrated: boolean }): Promise<ServiceWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-services-'));
  const account = { username: 'griffie', password: randomUUID() };
  const users = { [account.username]: account.password };
  const engine = await startHttpEngine(join(folder, 'engine'), { users });
  const database = openServerDatabase({ url: engine.url, database: 'default', ...account });
  const migrate = async () => {
    const migrations = await loadMigrations();
    await createMigrations(database, { retention: defaultRetention, migrations }).apply();
  };
  if (migrated) await migrate();
  const log = join(folder, 'mail.log');
  await writeFile(log, '');
  const sources = join(folder, 'sources.json');
  await writeFile(
    sources,
    JSON.stringify([{ kind: 'file', id: 'postfix', path: log, host: 'mx1.example.nl' }]),
  );
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${account.password}\n`);
  const clickhouse = {
    CLICKHOUSE_URL: engine.url,
    CLICKHOUSE_DATABASE: 'default',
    CLICKHOUSE_USER: account.username,
    CLICKHOUSE_PASSWORD_FILE: passwordFile,
  };
  const processes: ServiceProcess[] = [];
  const own: Record<ServiceName, Variables> = {
    collector: { COLLECTOR_STATE_FOLDER: join(folder, 'state'), COLLECTOR_SOURCES_FILE: sources },
    ingester: clickhouse,
    disclosure: {
      ...clickhouse,
      DISCLOSURE_DATA_FOLDER: join(folder, 'disclosure'),
      DISCLOSURE_KEY_FOLDER: join(folder, 'keys'),
      DISCLOSURE_OPERATOR: 'Example Mail',
    },
  };
  const variables = async (service: ServiceName, more: Variables = {}) => {
    const [health, api] = await freePorts(2);
    return {
      HEALTH_LISTEN: `127.0.0.1:${health}`,
      ...own[service],
      ...(service === 'disclosure' ? { DISCLOSURE_LISTEN: `127.0.0.1:${api}` } : {}),
      ...more,
    };
  };
  return {
    folder,
    engine,
    database,
    migrate,
    log,
    variables,
    async start(service, more) {
      const started = startService(service, await variables(service, more));
      processes.push(started);
      return started;
    },
    async remove() {
      await Promise.all(processes.map((each) => each.end('SIGKILL')));
      await database.close();
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
