import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standaloneConfigSchema, startStandalone } from '#services/standalone';
import { silentLogger, systemClock } from '#shared/runtime';
import { run } from '../../unit/cli/support.ts';
import { type ServiceUnderTest, startService } from '../cli/against-service.ts';

const runId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';

describe('griffie retention and griffie statistics over a ledger', () => {
  let s: ServiceUnderTest;
  const day = { place: 'traffic', day: '2096-05-19', rows: 5, bytes: 50 };
  beforeAll(async () => {
    s = await startService();
    const { retentionRecord: record } = s.service.service;
    const details = { policyVersion: 1, through: '2096-05-19', days: [day] };
    await record.append({
      kind: 'retention.configured',
      details: { version: 1, period: 'P6M', legalBasis: 'policy of the test' },
    });
    await record.append({ kind: 'retention.started', subject: runId, details });
    await record.append({
      kind: 'retention.certified',
      subject: runId,
      details: {
        ...details,
        goneAt: new Date(s.service.clock.now()).toISOString(),
        places: [{ place: 'traffic', outcome: 'gone' }],
        next: [],
      },
    });
  });
  afterAll(() => s.stop());

  it('verifies the certificates of a copy and of the service', async () => {
    const copy = await s.griffie('retention', 'verify', s.ledgerFolder, '--json');
    expect(copy.exitCode, copy.stderr).toBe(0);
    expect(copy.json()).toMatchObject({
      certificates: 1,
      daysRemoved: 1,
      rowsRemoved: 5,
      through: '2096-05-19',
      policies: [{ version: 1, period: 'P6M', legalBasis: 'policy of the test' }],
      problems: [],
    });
    const auditor = await s.person('auditor');
    const over = await s.griffie('retention', 'verify', 'https://griffie.example.nl', '--as', auditor);
    expect(over.exitCode, over.stderr).toBe(0);
    expect(over.stdout).toContain('2096-05-19');
  });

  it('finds a backup that is older than its window', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-backups-'));
    await writeFile(join(folder, 'new.tar'), 'x');
    const args = ['retention', 'verify', s.ledgerFolder, '--backups', folder, '--json'];
    expect((await s.griffie(...args)).exitCode).toBe(0);
    await writeFile(join(folder, 'old.tar'), 'x');
    const old = new Date(Date.now() - 31 * 86_400_000);
    await utimes(join(folder, 'old.tar'), old, old);
    const found = await s.griffie(...args);
    expect(found.exitCode).toBe(1);
    expect(found.error().problems?.[0]?.sentence).toContain('old.tar');
    await rm(folder, { recursive: true, force: true });
  });

  it('does not verify a removal that was late, or never certified', async () => {
    const { retentionRecord: record } = s.service.service;
    const late = { ...day, day: '2096-05-20' };
    const details = { policyVersion: 1, through: '2096-05-20', days: [late] };
    const other = runId.replace(/.$/, 'f');
    s.service.clock.set('2096-11-23T09:00:00.000Z');
    await record.append({ kind: 'retention.started', subject: other, details });
    const open = await s.griffie('retention', 'verify', s.ledgerFolder, '--json');
    expect(open.exitCode).toBe(1);
    expect(open.error().problems?.[0]?.sentence).toContain('began a removal that was never certified');
    await record.append({
      kind: 'retention.certified',
      subject: other,
      details: {
        ...details,
        goneAt: '2096-11-23T09:00:00.000Z',
        places: [{ place: 'traffic', outcome: 'gone' }],
        next: [],
      },
    });
    const closed = await s.griffie('retention', 'verify', s.ledgerFolder, '--json');
    expect(closed.exitCode).toBe(1);
    expect(closed.error().problems?.[0]?.sentence).toContain('hours after its time');
    expect(closed.json().remarks).toEqual([expect.stringContaining('hours after the certificate before it')]);
  });

  it('gives the same year from the folder and from an export of it', async () => {
    await s.service.approvedOrder();
    const exported = join(s.ledgerFolder, '..', 'export.ndjson');
    const wrote = await s.griffie('audit', 'export', s.ledgerFolder, '--format', 'ndjson', '--out', exported);
    expect(wrote.exitCode, wrote.stderr).toBe(0);
    const figures = async (place: string, ...more: string[]) => {
      const ran = await s.griffie('statistics', place, '--year', '2096', '--json', ...more);
      expect(ran.exitCode, ran.stderr).toBe(0);
      return ran.json();
    };
    const folder = await figures(s.ledgerFolder);
    expect(folder).toMatchObject({ production: { received: 1, fulfilled: 0, unfulfilled: 1 } });
    expect(await figures(exported)).toEqual(folder);
    const open = JSON.stringify(await figures(s.ledgerFolder, '--public'));
    expect(open).not.toMatch(/"value":[1-4]\b/);
    const csv = await s.griffie('statistics', s.ledgerFolder, '--year', '2096', '--csv');
    expect(csv.stdout).toContain('2096,production orders,,received,1\r\n');
    const pdf = async (name: string, place: string, ...more: string[]): Promise<Buffer> => {
      const path = join(s.ledgerFolder, '..', `${name}.pdf`);
      const ran = await s.griffie('statistics', place, '--year', '2096', '--pdf', path, ...more);
      expect(ran.exitCode, ran.stderr).toBe(0);
      return readFile(path);
    };
    const report = await pdf('folder', s.ledgerFolder);
    expect(report.subarray(0, 5).toString()).toBe('%PDF-');
    expect((await pdf('export', exported)).equals(report)).toBe(true);
    expect((await pdf('public', exported, '--public')).equals(report)).toBe(false);
    // Made again from a ledger that went on: by the entry that the report names.
    await s.service.approvedOrder();
    const again = await pdf('later', s.ledgerFolder, '--last-entry', String(folder.lastEntry));
    expect(again.equals(report)).toBe(true);
    expect((await pdf('now', s.ledgerFolder)).equals(report)).toBe(false);
  });
});

describe('griffie retention status', () => {
  it('shows the days that a running Griffie holds, and draws them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-status-'));
    const data = join(folder, 'data');
    const config = standaloneConfigSchema.parse({ dataFolder: data, listen: '127.0.0.1:18431' });
    const griffie = await startStandalone(config, { clock: systemClock, logger: silentLogger });
    try {
      let ran = await run(['retention', 'status', '--data', data, '--json']);
      for (let tries = 0; tries < 200 && Object(ran.json().diskKeys).length === 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        ran = await run(['retention', 'status', '--data', data, '--json']);
      }
      expect(ran.json()).toMatchObject({
        fault: null,
        clock: { ok: true },
        period: 'P6M',
        engineHeld: true,
        overdue: [],
        notChecked: [],
        lastCertificate: { through: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) },
      });
      const svg = join(folder, 'days.svg');
      const shown = await run(['retention', 'status', '--data', data, '--svg', svg]);
      expect(shown.stdout).toContain('gone');
      expect(shown.stdout).toMatch(/^DISK KEY +DIGEST +MADE +DAYS +FILES/m);
      expect(await readFile(svg, 'utf8')).toContain('<svg');
      // The key as a file of its own, as those have it who change keys by hand.
      const keys = `${data}-disk-keys`;
      const [key = ''] = await readdir(keys);
      const { keyHex } = JSON.parse(await readFile(join(keys, key), 'utf8')) as { keyHex: string };
      await writeFile(join(folder, 'used.key'), keyHex);
      await writeFile(join(folder, 'unused.key'), '00'.repeat(32));
      const disk = ['retention', 'disk', join(data, 'engine', 'encrypted'), '--json', '--key-file'];
      expect((await run([...disk, join(folder, 'unused.key')])).exitCode).toBe(0);
      const needed = await run([...disk, join(folder, 'used.key')]);
      expect([needed.exitCode, needed.error().code]).toEqual([1, 'disk_key.in_use']);
    } finally {
      await griffie.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
