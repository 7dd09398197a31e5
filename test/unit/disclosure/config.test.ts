import { describe, expect, it } from 'vitest';
import { publicUrlOf, readDisclosureSettings } from '#services/disclosure';

const base = {
  CLICKHOUSE_URL: 'http://127.0.0.1:8123',
  DISCLOSURE_DATA_FOLDER: '/var/lib/griffie',
  DISCLOSURE_KEY_FOLDER: '/etc/griffie/keys',
  DISCLOSURE_OPERATOR: 'Example Mail',
};
const tls = { DISCLOSURE_TLS_CERT_FILE: '/etc/hosts', DISCLOSURE_TLS_KEY_FILE: '/etc/hosts' };
async function read(more: Record<string, string> = {}) {
  const outcome = await readDisclosureSettings({ ...base, ...more });
  return outcome.ok ? { settings: outcome.settings, problems: [] } : { problems: outcome.problems };
}

describe('the disclosure service’s environment', () => {
  it('needs a store, two folders and a name', async () => {
    const { settings } = await read();
    expect(settings).toMatchObject({ listen: { host: '127.0.0.1', port: 8425 }, operator: 'Example Mail' });
    expect(settings && publicUrlOf(settings)).toBe('http://127.0.0.1:8425');
    const nothing = await readDisclosureSettings({});
    expect(nothing.ok ? [] : nothing.problems).toHaveLength(4);
  });

  it('takes an address of the network with TLS alone', async () => {
    const { settings } = await read({ DISCLOSURE_LISTEN: '0.0.0.0:8425', ...tls });
    expect(settings?.tls).toEqual({ certFile: '/etc/hosts', keyFile: '/etc/hosts' });
    expect(settings && publicUrlOf(settings)).toBe('https://0.0.0.0:8425');
  });

  it('takes a topic and a shared folder for several replicas', async () => {
    const kafka = { KAFKA_BROKERS: 'kafka1.example.nl:9093', KAFKA_CLIENT_ID: 'disclosure' };
    const replica = { DISCLOSURE_LEDGER: 'kafka', DISCLOSURE_SHARED_FOLDER: '/srv/griffie' };
    const { settings } = await read({ ...kafka, ...replica });
    expect(settings?.kafka).toMatchObject({ brokers: ['kafka1.example.nl:9093'], clientId: 'disclosure' });
    expect(settings?.sharedFolder).toBe('/srv/griffie');
    // Alone it does without Kafka, also where one file of variables serves all services.
    const alone = await read(kafka);
    expect(alone.settings).toMatchObject({ ledger: 'folder' });
    expect(alone.settings?.kafka).toBeUndefined();
    expect((await read(replica)).problems).toEqual([expect.stringMatching(/^KAFKA_BROKERS: is required/)]);
    expect((await read({ ...kafka, DISCLOSURE_LEDGER: 'kafka' })).problems).toEqual([
      expect.stringMatching(/^DISCLOSURE_SHARED_FOLDER: is required/),
    ]);
  });

  it('takes thresholds of alarms one by one, and working hours', async () => {
    const alarms = {
      DISCLOSURE_ALARM_THRESHOLDS: 'refusals=7, unusedDays=30',
      DISCLOSURE_WORKING_HOURS: 'Mon-Fri 07:00-19:00 Europe/Amsterdam',
    };
    const hours = { zone: 'Europe/Amsterdam', from: '07:00', to: '19:00', days: [1, 2, 3, 4, 5] };
    const usual = (await read()).settings?.alarms;
    expect(usual).toMatchObject({ refusalsOfCredential: 20, refusals: 100, unusedDays: 90 });
    expect((await read(alarms)).settings?.alarms).toEqual({
      ...usual,
      ...{ refusals: 7, unusedDays: 30, workingHours: hours },
    });
  });

  it('takes revocation lists beside the authorities that they are of', async () => {
    const anchors = { DISCLOSURE_CERTIFICATE_ANCHORS_FILE: '/etc/hosts' };
    const lists = { DISCLOSURE_CERTIFICATE_LISTS: '/etc/griffie/lists' };
    const of = async (more: Record<string, string> = {}) =>
      (await read({ ...anchors, ...lists, ...more })).settings?.certificateLists;
    expect(await of()).toEqual({ path: '/etc/griffie/lists', required: [], warnHours: 24 });
    const hours = { DISCLOSURE_CERTIFICATE_LISTS_WARN_HOURS: '6' };
    expect(await of({ DISCLOSURE_CERTIFICATE_LISTS_REQUIRED: 'all', ...hours })).toMatchObject({
      required: 'all',
      warnHours: 6,
    });
    // As `openssl x509 -fingerprint -sha256` writes it.
    const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
    const digests = { DISCLOSURE_CERTIFICATE_LISTS_REQUIRED: `${fingerprint},${'cd'.repeat(32)}` };
    expect(await of(digests)).toMatchObject({ required: ['ab'.repeat(32), 'cd'.repeat(32)] });
    expect((await read(lists)).problems).toEqual([
      expect.stringMatching(/^DISCLOSURE_CERTIFICATE_LISTS: goes with/),
    ]);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ DISCLOSURE_CERTIFICATE_LISTS_REQUIRED: 'all' }, /^DISCLOSURE_CERTIFICATE_LISTS: is required/],
    [
      {
        DISCLOSURE_CERTIFICATE_ANCHORS_FILE: '/etc/hosts',
        DISCLOSURE_CERTIFICATE_LISTS: '/x',
        DISCLOSURE_CERTIFICATE_LISTS_REQUIRED: 'some',
      },
      /^DISCLOSURE_CERTIFICATE_LISTS_REQUIRED: /,
    ],
    [{ DISCLOSURE_ALARM_THRESHOLDS: 'refusals=0' }, /^DISCLOSURE_ALARM_THRESHOLDS: /],
    [{ DISCLOSURE_ALARM_THRESHOLDS: 'refusals=many' }, /^DISCLOSURE_ALARM_THRESHOLDS: /],
    [{ DISCLOSURE_ALARM_THRESHOLDS: 'refusal=7' }, /^DISCLOSURE_ALARM_THRESHOLDS: /],
    [
      { DISCLOSURE_WORKING_HOURS: 'Mon-Fri 07:00-19:00 Europe/Atlantis' },
      /^DISCLOSURE_WORKING_HOURS: .*such as/,
    ],
    [{ DISCLOSURE_WORKING_HOURS: 'Fri-Mon 07:00-19:00 UTC' }, /^DISCLOSURE_WORKING_HOURS: .*such as/],
    [{ DISCLOSURE_WORKING_HOURS: 'Mon-Fri 19:00-07:00 UTC' }, /^DISCLOSURE_WORKING_HOURS: .*such as/],
    [{ DISCLOSURE_LEDGER: 'postgres' }, /^DISCLOSURE_LEDGER: is not valid/],
    [{ DISCLOSURE_SHARED_FOLDER: '/srv' }, /^DISCLOSURE_SHARED_FOLDER: goes with DISCLOSURE_LEDGER=kafka/],
    [{ DISCLOSURE_LISTEN: '0.0.0.0:8425' }, /^DISCLOSURE_LISTEN: .*needs DISCLOSURE_TLS_CERT_FILE/],
    [
      { DISCLOSURE_TLS_CERT_FILE: '/etc/hosts' },
      /^DISCLOSURE_TLS_CERT_FILE: certificate and key go together/,
    ],
    [{ DISCLOSURE_PUBLIC_URL: 'http://griffie.example.nl' }, /^DISCLOSURE_PUBLIC_URL: must be https/],
    [{ DISCLOSURE_LISTEN: '127.0.0.1:9464' }, /^HEALTH_LISTEN: /],
    [{ DISCLOSURE_OPERATOR: 'x'.repeat(300) }, /^DISCLOSURE_OPERATOR: is not valid/],
    [{ DISCLOSURE_CASE_MASTER_KEYS: 'secret' }, /^DISCLOSURE_CASE_MASTER_KEYS: must hold one master key/],
    [{ DISCLOSURE_TIMESTAMP_URL: 'https://tsa.example' }, /^DISCLOSURE_TIMESTAMP_CA_FILE: is required/],
    [
      { DISCLOSURE_TIMESTAMP_URL: 'ftp://tsa.example', DISCLOSURE_TIMESTAMP_CA_FILE: '/etc/hosts' },
      /^DISCLOSURE_TIMESTAMP_URL: must be an http/,
    ],
    [{ DISCLOSURE_PUBLICURL: 'x' }, /^DISCLOSURE_PUBLICURL: .*did you mean DISCLOSURE_PUBLIC_URL/],
  ])('%j', async (more, problem) => {
    expect((await read(more)).problems).toEqual([expect.stringMatching(problem)]);
  });
});
