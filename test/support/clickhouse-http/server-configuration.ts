import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#shared/runtime';

const source = join(packageRoot, 'infra', 'clickhouse');

export interface Replacements {
  /** Where the engine answers for the coordination service. */
  readonly zookeeperPort?: number;
  /** A right for the ingester besides its own. */
  readonly ingestGrant?: string;
}

/**
 * Puts infra/clickhouse's configuration into a folder, as it stands, but for the paths of data and for hosts,
 * with what it takes from the environment. The embedded engine reads it as a server does; it opens no ports.
 * @returns the engine's arguments
 */
export async function writeServerConfiguration(
  folder: string,
  { zookeeperPort, ingestGrant }: Replacements = {},
): Promise<string[]> {
  const secrets: Record<string, string> = {
    GRIFFIE_DISK_KEY_0_HEX: '5c'.repeat(32),
    GRIFFIE_SHARD: '01',
    GRIFFIE_REPLICA: 'replica1',
    GRIFFIE_CLUSTER_SECRET: 'test',
    GRIFFIE_INTERSERVER_PASSWORD: 'test',
    GRIFFIE_KEEPER_ID: '1',
  };
  for (const user of ['INGEST', 'DISCLOSURE', 'RETENTION', 'OWNER']) {
    secrets[`GRIFFIE_${user}_PASSWORD_SHA256`] = '00'.repeat(32);
  }
  Object.assign(process.env, secrets);

  await mkdir(join(folder, 'config.d'), { recursive: true });
  await mkdir(join(folder, 'users.d'));
  const users = await readFile(join(source, 'users.d', 'griffie.xml'), 'utf8');
  const granted = ingestGrant === undefined ? '' : `<query>${ingestGrant}</query>`;
  await writeFile(join(folder, 'users.d', 'griffie.xml'), users.replace('<grants>', `<grants>${granted}`));
  for (const name of await readdir(join(source, 'config.d'))) {
    const text = await readFile(join(source, 'config.d', name), 'utf8');
    await writeFile(join(folder, 'config.d', name), placed(text, folder, zookeeperPort));
  }
  await writeFile(join(folder, 'users.xml'), serversOwnUsers);
  const config = join(folder, 'config.xml');
  await writeFile(
    config,
    `<clickhouse><users_config>${join(folder, 'users.xml')}</users_config></clickhouse>`,
  );
  return [`--config-file=${config}`];
}

function placed(text: string, folder: string, zookeeperPort: number | undefined): string {
  const here = text.replaceAll('/var/lib/clickhouse/', `${folder}/`);
  if (zookeeperPort === undefined) return here;
  const node = `<zookeeper><node><host>127.0.0.1</host><port>${zookeeperPort}</port></node></zookeeper>`;
  return here.replace(/<zookeeper>.*<\/zookeeper>/s, node);
}

/** As a server is delivered: `default` may do everything. */
const serversOwnUsers = `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password/><networks><ip>::/0</ip></networks>
      <profile>default</profile><quota>default</quota><access_management>1</access_management>
    </default>
  </users>
</clickhouse>`;
