import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { run } from '../unit/cli/support.ts';
import { compose } from './docker-files.ts';

const etc = '/etc/clickhouse-server/';

const keyConfiguration = (folder: string): string => join(folder, 'conf.d/storage_keys.xml');

/** What the container before the server's does, with its own arguments, at the places that these stand for. */
async function prepareDisk(folder: string): Promise<void> {
  const { command = [] } = compose().services['disk-keys'] ?? {};
  const args = command.map((text) =>
    text
      .replace('/var/lib/clickhouse/', `${folder}/`)
      .replace('/var/lib/griffie-disk-keys', join(folder, 'keys'))
      .replace('/var/lib/griffie-disk-key-config/', `${dirname(keyConfiguration(folder))}/`),
  );
  mkdirSync(dirname(keyConfiguration(folder)));
  expect(await run(args.slice(1))).toMatchObject({ exitCode: 0, stderr: '' });
}

/** The files as they stand in the container, but for the folder of data, and silent, under `folder`. */
function placeMounts(folder: string): void {
  for (const text of compose().services.clickhouse?.volumes ?? []) {
    const [source = '', target = ''] = text.split(':');
    if (!target.startsWith(etc) || !source.startsWith('.')) continue;
    const path = join(folder, target.slice(etc.length));
    mkdirSync(dirname(path), { recursive: true });
    const own = readFileSync(join(packageRoot, source), 'utf8');
    writeFileSync(
      path,
      own
        .replaceAll('/var/lib/clickhouse/', `${folder}/`)
        .replace('<console>1</console>', '<console>0</console>'),
    );
  }
  // As the server is delivered.
  writeFileSync(
    join(folder, 'config.xml'),
    `<clickhouse><listen_host>::</listen_host><users_config>${folder}/users.xml</users_config></clickhouse>`,
  );
  const everything =
    '<password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>';
  writeFileSync(
    join(folder, 'users.xml'),
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas>
     <users><default>${everything}<access_management>1</access_management></default></users></clickhouse>`,
  );
  // The embedded engine is its user `default`, which the server must not have.
  rmSync(join(folder, 'users.d/no-default.xml'));
}

/** The environment that the container's start gives the server. */
function environmentOf(folder: string): Record<string, string> {
  execFileSync(join(packageRoot, 'infra/docker/make-secrets.sh'), [join(folder, 'secrets')]);
  const server = join(folder, 'server');
  writeFileSync(server, '#!/bin/bash\nenv\n', { mode: 0o755 });
  const text = execFileSync(join(packageRoot, 'infra/docker/clickhouse/start.sh'), {
    env: { PATH: process.env.PATH, SECRETS: join(folder, 'secrets'), SERVER: server },
    encoding: 'utf8',
  });
  return Object.fromEntries(
    [...text.matchAll(/^(GRIFFIE_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

describe('the ClickHouse configuration of docker-compose.yml, read by the embedded engine', () => {
  let folder: string;
  let session: Session;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'griffie-compose-'));
    placeMounts(folder);
    await prepareDisk(folder);
    Object.assign(process.env, environmentOf(folder));
    session = new Session(join(folder, 'data'), { connectionArgs: [`--config-file=${folder}/config.xml`] });
  });
  afterAll(() => {
    session?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const rows = (query: string): unknown[] =>
    session
      .query(query, 'JSONEachRow')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));

  it('is one shard of one replica, over TLS, under the name that the migrations are given', () => {
    const { environment = {} } = compose().services.migrate ?? {};
    expect(
      rows(
        `SELECT shard_num, replica_num, host_name, port FROM system.clusters WHERE cluster = '${environment.CLICKHOUSE_CLUSTER}'`,
      ),
    ).toEqual([{ shard_num: 1, replica_num: 1, host_name: 'clickhouse', port: 9440 }]);
    expect(rows('SELECT macro, substitution FROM system.macros ORDER BY macro')).toEqual([
      { macro: 'replica', substitution: '1' },
      { macro: 'shard', substitution: '1' },
    ]);
  });

  it('knows every user that a container comes as', () => {
    const named = Object.values(compose().services)
      .map(({ environment }) => environment.CLICKHOUSE_USER)
      .filter((name) => name !== undefined);
    expect(named.length).toBe(4);
    const known = rows('SELECT name FROM system.users').map((row) => (row as { name: string }).name);
    expect(known).toEqual(expect.arrayContaining(named));
  });

  it('keeps tables on the encrypted disk, and what was inserted durably can be read', () => {
    session.query(
      'CREATE TABLE probe (a String) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1, fsync_part_directory = 1',
    );
    session.query("INSERT INTO probe VALUES ('planted@example.nl')");
    expect(rows('SELECT a FROM probe')).toEqual([{ a: 'planted@example.nl' }]);
    expect(rows("SELECT storage_policy FROM system.tables WHERE name = 'probe'")).toEqual([
      { storage_policy: 'griffie_encrypted_only' },
    ]);
    expect(rows("SELECT DISTINCT disk_name FROM system.parts WHERE table = 'probe'")).toEqual([
      { disk_name: 'griffie_encrypted' },
    ]);
    const [key] = readdirSync(join(folder, 'keys'));
    expect(readFileSync(keyConfiguration(folder), 'utf8')).toContain(
      `<current_key_id>${key?.replace('.key', '')}</current_key_id>`,
    );
    expect(() => readdirSync(join(folder, 'griffie/encrypted/store'))).not.toThrow();
  });
});
