import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectorVariables, readCollectorSettings } from '#services/collector';
import { disclosureVariables, readDisclosureSettings } from '#services/disclosure';
import { ingesterVariables, readIngesterSettings } from '#services/ingester';
import { readRetentionSettings, retentionVariables } from '#services/retention';
import { kafkaVariables, topicSizingVariables } from '#shared/bus';
import type { Environment, Outcome, Variable } from '#shared/runtime';
import { packageRoot, softwareVersion } from '#shared/runtime';
import { retentionVariable, serverVariables, topologyVariables } from '#shared/store';
import { readKafkaSettings } from '../../services/cli/kafka/settings.ts';
import { readStoreSettings } from '../../services/cli/store/settings.ts';
import { type ComposeService, compose, dockerfile, imageParts } from './docker-files.ts';

const { services, networks, volumes, secrets } = compose();
const entries = Object.entries(services);
const griffie = entries.filter(([, { build }]) => build !== undefined);
const service = (name: string): ComposeService => {
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** Read as the program of the container does; the CLI's jobs take theirs from the environment alone. */
const io = (env: Environment) => ({ env }) as Parameters<typeof readKafkaSettings>[0];
const settled = (reading: Promise<unknown>): Promise<Outcome<unknown>> =>
  reading.then(
    (settings) => ({ ok: true, settings }),
    (error: { problems: { sentence: string }[] }) => ({
      ok: false,
      problems: error.problems.map(({ sentence }) => sentence),
    }),
  );
const readers: Record<
  string,
  { variables: readonly Variable[]; read(env: Environment): Promise<Outcome<unknown>> }
> = {
  collector: { variables: collectorVariables, read: readCollectorSettings },
  ingester: { variables: ingesterVariables, read: readIngesterSettings },
  disclosure: { variables: disclosureVariables, read: readDisclosureSettings },
  retention: { variables: retentionVariables, read: readRetentionSettings },
  topics: {
    variables: [...kafkaVariables, ...topicSizingVariables],
    read: (env) => settled(readKafkaSettings(io(env), {})),
  },
  migrate: {
    variables: [...serverVariables, ...topologyVariables, retentionVariable],
    read: (env) => settled(readStoreSettings(io(env), {})),
  },
};

/** The host's side and the container's of what is mounted from the checkout. */
const mounts = ({ volumes: mounted }: ComposeService) =>
  mounted.map((text) => {
    const [source = '', target = '', mode = ''] = text.split(':');
    return { source, target, mode };
  });

describe('docker-compose.yml', () => {
  it('takes every container’s rights away', () => {
    for (const [name, { security_opt, user, build, restart, ...rest }] of entries) {
      // read_only and cap_drop are the schema's to insist on.
      expect(security_opt, name).toContain('no-new-privileges:true');
      // Our image has its user (docker.test.ts).
      if (build === undefined) expect(user, name).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(['unless-stopped', 'on-failure:5']).toContain(restart);
      for (const member of [
        'privileged',
        'network_mode',
        'pid',
        'ipc',
        'devices',
        'cap_add',
        'userns_mode',
      ]) {
        expect(rest, name).not.toHaveProperty(member);
      }
      expect(rest.logging.options, name).toMatchObject({ 'max-size': expect.any(String) });
    }
  });

  it('names each image by its version, without a host, and the broker’s as tests run it', () => {
    for (const [, { image }] of entries) {
      const { name, tag } = imageParts(image);
      expect(tag, image).toMatch(/^\d+\.\d+/);
      expect(name).not.toMatch(/^[^/]*[.:][^/]*\//);
    }
    const pom = readFileSync(join(packageRoot, 'infra/kafka/pom.xml'), 'utf8');
    const version = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1];
    expect(service('kafka').image).toBe(`apache/kafka:${version}`);
    for (const [, { image }] of griffie) expect(image).toBe(`griffie:${softwareVersion}`);
  });

  it('is reached from outside at one place, on this machine’s loopback', () => {
    const published = entries.flatMap(([name, { ports }]) => ports.map((port) => `${name} ${port}`));
    expect(published).toEqual(['disclosure 127.0.0.1:8425:8425']);
  });

  it('keeps networks apart: who has no business with Kafka or ClickHouse cannot reach it', () => {
    expect(networks.queue?.internal).toBe(true);
    expect(networks.store?.internal).toBe(true);
    const on = (network: string) =>
      entries.filter(([, { networks: joined }]) => joined.includes(network)).map(([name]) => name);
    expect(on('queue').sort()).toEqual(['collector', 'ingester', 'kafka', 'kafka-grants', 'topics']);
    expect(on('store').sort()).toEqual([
      'clickhouse',
      'disclosure',
      'disk-keys',
      'ingester',
      'migrate',
      'retention',
    ]);
    expect(on('front')).toEqual(['disclosure']);
  });

  it('waits for what can be waited for', () => {
    for (const [name, { depends_on }] of entries) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const { healthcheck, build, restart } = service(other);
        const hasCheck = healthcheck?.disable !== true && (healthcheck !== undefined || build !== undefined);
        if (condition === 'service_healthy') expect(hasCheck, `${name} on ${other}`).toBe(true);
        // What is started again after it has ended well never completes.
        if (condition === 'service_completed_successfully') expect(restart).toBe('on-failure:5');
      }
    }
  });

  it('mounts what is there, for reading only', () => {
    for (const [name, definition] of entries) {
      for (const { source, target, mode } of mounts(definition)) {
        if (!/^[./]/.test(source)) {
          expect(Object.keys(volumes), name).toContain(source);
          continue;
        }
        expect(existsSync(join(source.startsWith('/') ? '' : packageRoot, source)), source).toBe(true);
        expect(mode, `${name} ${target}`).toBe('ro');
      }
    }
  });

  it('has the disk’s keys where the server reads them and its data are not', () => {
    const [keys, server, retention] = [service('disk-keys'), service('clickhouse'), service('retention')];
    const targetOf = (definition: ComposeService, volume: string) =>
      mounts(definition).find(({ source }) => source === volume)?.target;
    const { environment } = retention;
    const [, , , folder, ...options] = keys.command ?? [];
    expect(folder).toBe(environment.RETENTION_DISK_FOLDER);
    expect(options).toEqual([
      `--key-folder=${environment.RETENTION_DISK_KEY_FOLDER}`,
      `--server-config=${environment.RETENTION_DISK_KEY_CONFIG_FILE}`,
    ]);
    for (const definition of [keys, retention]) {
      expect(definition.user).toBe(server.user);
      expect(targetOf(definition, 'clickhouse')).toBe(targetOf(server, 'clickhouse'));
      expect(targetOf(definition, 'disk-keys')).toBe(environment.RETENTION_DISK_KEY_FOLDER);
      expect(environment.RETENTION_DISK_KEY_CONFIG_FILE).toMatch(
        new RegExp(`^${targetOf(definition, 'disk-key-config')}/`),
      );
    }
    expect(targetOf(server, 'disk-keys')).toBeUndefined();
    expect(targetOf(server, 'disk-key-config')).toBe('/etc/clickhouse-server/conf.d');
    expect(server.depends_on['disk-keys']).toEqual({ condition: 'service_completed_successfully' });
  });

  it('has a folder of the container’s user in the image under each volume that is mounted first', () => {
    const made = dockerfile().map(({ text }) => text);
    for (const [name, definition] of griffie) {
      const [owner] = (definition.user ?? '10001:10001').split(':');
      for (const { source, target } of mounts(definition)) {
        if (!Object.hasOwn(volumes, source)) continue;
        const line = made
          .flatMap((text) => text.split('&&'))
          .find((part) => part.split(/\s+/).includes(target));
        expect(line, `${name} ${target}`).toContain(`--owner=${owner} `);
      }
    }
  });

  it('runs scripts that are executable and programs that are compiled', () => {
    for (const [, { entrypoint: [program] = [], ...definition }] of entries) {
      if (program === undefined) continue;
      const mount = mounts(definition as ComposeService).find(({ target }) => program.startsWith(target));
      const path = join(packageRoot, program.replace(mount?.target ?? '', mount?.source ?? ''));
      expect(statSync(path).mode & 0o111, path).toBe(0o111);
    }
    for (const [, { command: [program = ''] = [] }] of griffie) {
      expect(existsSync(join(packageRoot, program.replace('dist/', '').replace('.js', '.ts'))), program).toBe(
        true,
      );
    }
  });
});

describe('its secrets and settings', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'griffie-secrets-'));
    execFileSync(join(packageRoot, 'infra/docker/make-secrets.sh'), [folder]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const made = (name: string): string => join(folder, name);

  it('are all made by the script, each for one user, who alone may read it', () => {
    for (const [name, { file }] of Object.entries(secrets)) {
      expect(file).toBe(`./secrets/${name}`);
      const { mode } = statSync(made(name));
      expect(mode & 0o777, name).toBe(name === 'ca.pem' ? 0o444 : 0o400);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'belong to the user of the container that reads them (needs root)',
    () => {
      for (const [name, { secrets: taken, user = '10001:10001' }] of entries) {
        for (const { source } of taken) {
          if (source === 'ca.pem') continue;
          const { uid, gid } = statSync(made(source));
          expect(`${uid}:${gid}`, `${source} of ${name}`).toBe(user);
        }
      }
    },
  );

  it('are each taken by somebody, and the authority’s key by nobody', () => {
    const taken = new Set(entries.flatMap(([, { secrets: all }]) => all.map(({ source }) => source)));
    expect([...taken].sort()).toEqual(Object.keys(secrets).sort());
    expect([...taken]).not.toContain('ca.key');
  });

  it('are made once: a second run changes nothing', () => {
    const before = Object.keys(secrets).map((name) => readFileSync(made(name), 'utf8'));
    execFileSync(join(packageRoot, 'infra/docker/make-secrets.sh'), [folder]);
    expect(Object.keys(secrets).map((name) => readFileSync(made(name), 'utf8'))).toEqual(before);
  });

  it('never stand in a variable', () => {
    const suspicious = entries.flatMap(([name, { environment }]) =>
      Object.entries(environment)
        .filter(([variable]) => /PASS|SECRET|TOKEN|KEY/.test(variable))
        .filter(([, value]) => !value.startsWith('/'))
        .map(([variable]) => `${name} ${variable}`),
    );
    expect(suspicious).toEqual([]);
  });

  it.each(Object.keys(readers))('are understood by %s, file by file', async (name) => {
    const { variables = [], read } = readers[name] ?? { read: () => Promise.reject(new Error(name)) };
    const definition = service(name);
    const known = variables.map((variable) => variable.name);
    expect(Object.keys(definition.environment).filter((variable) => !known.includes(variable))).toEqual([]);
    // Where the container has a file, the host has this one.
    const files = new Map([
      ...definition.secrets.map(({ source, target }) => [target, made(source)] as const),
      ...mounts(definition).map(({ source, target }) => [target, join(packageRoot, source)] as const),
    ]);
    const env: Record<string, string> = {};
    for (const [variable, value] of Object.entries(definition.environment)) {
      const isFile = variables.some((one) => one.name === variable && one.file);
      // What lies in a volume, the containers and people make there.
      const isInVolume = mounts(definition).some(
        ({ source, target }) => Object.hasOwn(volumes, source) && value.startsWith(`${target}/`),
      );
      if (isFile && isInVolume) {
        writeFileSync(made('in-a-volume'), '{}', { mode: 0o600 });
        files.set(value, made('in-a-volume'));
      }
      if (isFile) expect([...files.keys()], variable).toContain(value);
      env[variable] = files.get(value) ?? value;
    }
    expect(await read(env)).toMatchObject({ ok: true });
  });

  it('give the ClickHouse server everything that its configuration takes from the environment', () => {
    const definition = service('clickhouse');
    const wanted = mounts(definition)
      .filter(({ source }) => source.endsWith('.xml'))
      .flatMap(({ source }) => [
        ...readFileSync(join(packageRoot, source), 'utf8').matchAll(/<\w+[^>]* from_env="(\w+)"\/>/g),
      ])
      .map(([, name]) => name ?? '');
    expect(wanted.length).toBeGreaterThan(4);
    const server = join(folder, 'server');
    writeFileSync(server, '#!/bin/bash\nenv\n', { mode: 0o755 });
    const given = execFileSync(join(packageRoot, 'infra/docker/clickhouse/start.sh'), {
      env: { PATH: process.env.PATH, SECRETS: folder, DATA: folder, SERVER: server },
      encoding: 'utf8',
    });
    for (const name of wanted) expect(given).toMatch(new RegExp(`^${name}=[0-9a-f]{64}$`, 'm'));
    const taken = definition.secrets.map(({ source }) => source);
    const read = readFileSync(join(packageRoot, 'infra/docker/clickhouse/start.sh'), 'utf8');
    for (const name of taken.filter((source) => source.startsWith('clickhouse-'))) {
      expect(read.includes(name) || /-(owner|ingest|disclosure|retention)\.sha256$/.test(name), name).toBe(
        true,
      );
    }
  });
});
