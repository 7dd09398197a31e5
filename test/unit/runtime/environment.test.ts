import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { collectorVariables } from '#services/collector';
import { disclosureVariables } from '#services/disclosure';
import { ingesterVariables } from '#services/ingester';
import { retentionVariables } from '#services/retention';
import { witnessVariables } from '#services/witness';
import { readEnvironment, settingsFrom, type Variable, variableNames } from '#shared/runtime';

const variables: readonly Variable[] = [
  { name: 'HEALTH_LISTEN', member: 'listen', about: 'host:port', required: true },
  { name: 'COLLECTOR_STATE_FOLDER', member: 'folder.path', about: 'a folder' },
  { name: 'KAFKA_SASL_PASSWORD_FILE', member: 'password', about: 'a file', file: true },
  { name: 'KAFKA_PARTITIONS', member: 'count', about: 'a number', read: Number },
];
const schema = z.object({
  listen: z.string().regex(/^\w+:\d+$/, 'must be host:port'),
  folder: z.object({ path: z.string() }).default({ path: '/var' }),
  password: z.string().optional(),
  count: z.int().max(12).default(3),
});
const read = (env: Record<string, string>) =>
  readEnvironment(env, { variables, settings: settingsFrom(variables, env), schema });
const problemsOf = async (env: Record<string, string>) => {
  const outcome = await read({ HEALTH_LISTEN: 'a:1', ...env });
  return outcome.ok ? [] : outcome.problems;
};

describe('settings from the environment', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('stand under their members; those not set, or set to nothing, have their defaults', async () => {
    expect(await read({ HEALTH_LISTEN: 'a:1', COLLECTOR_STATE_FOLDER: '/x', KAFKA_PARTITIONS: '' })).toEqual({
      ok: true,
      settings: { listen: 'a:1', folder: { path: '/x' }, count: 3 },
    });
    expect((await read({ HEALTH_LISTEN: 'a:1' })).ok).toBe(true);
  });

  it.each([
    [{ KAFKA_BROKER: 'x' }, 'KAFKA_BROKER: is no variable of Griffie; did you mean KAFKA_BROKERS?'],
    [{ KAFKA_TLS_CA: 'x' }, 'KAFKA_TLS_CA: is no variable of Griffie; did you mean KAFKA_TLS?'],
    [
      { RETENTION_PERIODE: 'P6M' },
      'RETENTION_PERIODE: is no variable of Griffie; did you mean RETENTION_PERIOD?',
    ],
    [{ HEALTH_LISTEN: '' }, 'HEALTH_LISTEN: is required (host:port)'],
    [{ HEALTH_LISTEN: 'secret' }, 'HEALTH_LISTEN: must be host:port'],
    [{ KAFKA_PARTITIONS: 'many' }, 'KAFKA_PARTITIONS: is not valid; it is a number'],
    [
      { KAFKA_SASL_PASSWORD_FILE: '/nowhere/secret' },
      'KAFKA_SASL_PASSWORD_FILE: names a file that cannot be read (ENOENT)',
    ],
  ])('%j is told by name', async (env, problem) => expect(await problemsOf(env)).toEqual([problem]));

  it('names every problem at once', async () => {
    expect(await problemsOf({ KAFKA_PARTITIONS: '99', HEALTH_LISTEN: 'no', COLLECTOR_X: '1' })).toHaveLength(
      3,
    );
  });

  it('takes a file that is there', async () => {
    await writeFile(join(folder, 'password'), 'x');
    expect(await problemsOf({ KAFKA_SASL_PASSWORD_FILE: join(folder, 'password') })).toEqual([]);
  });

  it.each([
    'PATH',
    'MY_KAFKA_X',
    'CLICKHOUSE_URL',
    'DISCLOSURE_OPERATOR',
    'KAFKA_SERVICE_HOST',
    'KAFKA_SERVICE_PORT_SASL',
    'KAFKA_PORT',
    'CLICKHOUSE_PORT_8123_TCP_ADDR',
  ])('%s is none of its business', async (name) => expect(await problemsOf({ [name]: 'x' })).toEqual([]));

  it('never says what a variable was set to', async () => {
    const names = fc.constantFrom(...variableNames, 'KAFKA_NONE', 'HEALTH_X');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.uuid(), { minKeys: 1 }), async (env) => {
        const said = (await problemsOf(env)).join('\n');
        for (const value of Object.values(env)) expect(said).not.toContain(value);
      }),
    );
  });

  it('knows the variables of all services and commands, and no others', () => {
    const ofCommands = [
      'KAFKA_PARTITIONS',
      'KAFKA_REPLICATION_FACTOR',
      'KAFKA_RETENTION_DAYS',
      'CLICKHOUSE_CLUSTER',
      'CLICKHOUSE_TOPOLOGY',
    ];
    const services = [
      ...collectorVariables,
      ...ingesterVariables,
      ...disclosureVariables,
      ...witnessVariables,
      ...retentionVariables,
    ];
    const used = [...services.map(({ name }) => name), ...ofCommands];
    expect([...variableNames].sort()).toEqual([...new Set(used)].sort());
  });
});
