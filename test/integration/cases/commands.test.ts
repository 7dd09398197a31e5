import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMasterKey, generateMasterKey, openCaseFiles } from '#shared/case-files';
import { makeSmallInstallation, type SmallInstallation } from '../../support/small-installation.ts';
import { run, type World } from '../../unit/cli/support.ts';
import { type ServiceUnderTest, startService } from '../cli/against-service.ts';

const [one, two] = ['01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e', '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9f'] as const;

describe('griffie case, on the server’s console,', () => {
  let at: SmallInstallation;
  let digest: string;
  const file = (): string => join(at.keyFolder, 'case-master-keys.txt');
  const cases = (keys: string) => openCaseFiles(at.path('cases'), createMasterKey(keys));
  const griffie = (args: readonly string[], world: World = {}) =>
    run(['case', ...args, '--data', at.path(''), '--json'], world);
  beforeEach(async () => {
    at = await makeSmallInstallation();
    const folder = await cases(readFileSync(file(), 'utf8'));
    digest = await folder.put(one, 'order-v1', Buffer.from('the order'));
    await folder.put(two, 'order-v1', Buffer.from('another order'));
  });
  afterEach(() => at.remove());

  it('gives out the key of one case, for nobody else to read', async () => {
    const ran = await griffie(['key', one, '--out', at.path('key.txt')]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).not.toContain('AGE-SECRET-KEY');
    expect(readFileSync(at.path('key.txt'), 'utf8')).toMatch(
      /^# Case 01939f3a[^\n]*\nAGE-SECRET-KEY-1[A-Z0-9]+\n$/,
    );
    const again = await griffie(['key', one, '--out', at.path('key.txt')]);
    expect(again.error().code).toBe('file.exists');
    const none = await griffie(['key', '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d90', '--out', at.path('none.txt')]);
    expect([none.exitCode, none.error().code]).toEqual([1, 'case_file.missing']);
  });

  it('changes the master key in its file', async () => {
    const old = readFileSync(file(), 'utf8');
    const ran = await griffie(['rotate-master']);
    expect(ran.json()).toMatchObject({ cases: 2, resumed: false, from: createMasterKey(old).id });
    const now = readFileSync(file(), 'utf8');
    expect(Buffer.from(await (await cases(now)).get(one, 'order-v1', digest)).toString()).toBe('the order');
    await expect((await cases(old)).get(one, 'order-v1', digest)).rejects.toMatchObject({
      code: 'case_file.locked',
    });
  });

  it('changes no master key that several replicas share', async () => {
    const old = readFileSync(file(), 'utf8');
    writeFileSync(join(at.keyFolder, 'ledger-topic-secret.txt'), `${'0'.repeat(64)}\n`, { mode: 0o600 });
    const ran = await griffie(['rotate-master']);
    expect([ran.exitCode, ran.error().code]).toEqual([1, 'rotation.replicas']);
    expect(readFileSync(file(), 'utf8')).toBe(old);
  });

  it('changes a master key from the environment, in two steps of the platform', async () => {
    const [old, next] = [readFileSync(file(), 'utf8').split('\n').at(-2) ?? '', generateMasterKey()];
    const env = (keys: string): World => ({ env: { DISCLOSURE_CASE_MASTER_KEYS: keys } });
    const alone = await griffie(['rotate-master'], env(old));
    expect([alone.exitCode, alone.error().code]).toEqual([2, 'usage']);
    const ran = await griffie(['rotate-master'], env(`${old},${next}`));
    expect(ran.json()).toEqual({
      from: createMasterKey(old).id,
      to: createMasterKey(next).id,
      cases: 2,
    });
    expect(Buffer.from(await (await cases(next)).get(one, 'order-v1', digest)).toString()).toBe('the order');
    const wrong = await griffie(['key', one, '--out', at.path('key.txt')], env('GRIFFIE-MASTER-KEY-1:x'));
    expect(wrong.error().code).toBe('master_key.unusable');
    expect(wrong.stderr).not.toContain('KEY-1:x');
    const lost = await griffie(['key', one, '--out', at.path('key.txt'), '--keys', at.path('nowhere')]);
    expect(lost.error().code).toBe('file.missing');
  });

  it('changes nothing beside a running service, or where there is none', async () => {
    const before = readFileSync(file(), 'utf8');
    const { ledger } = await at.open();
    expect((await griffie(['rotate-master'])).error().code).toBe('ledger.locked');
    await ledger.close();
    const elsewhere = await run(['case', 'rotate-master', '--data', at.path('none'), '--json']);
    expect(elsewhere.error().code).toBe('ledger.missing');
    expect(readFileSync(file(), 'utf8')).toBe(before);
  });

  it('takes no file of keys that others can read', async () => {
    writeFileSync(at.path('open.txt'), generateMasterKey(), { mode: 0o644 });
    const args = ['--key', (await at.signer()).verifier.vkey, '--cases', at.path('cases'), '--json'];
    const ran = await run([
      'audit',
      'verify',
      at.ledgerFolder,
      ...args,
      '--case-master',
      at.path('open.txt'),
    ]);
    expect([ran.exitCode, ran.error().code]).toEqual([2, 'master_key.unusable']);
  });
});

describe('griffie case erase', () => {
  let world: ServiceUnderTest;
  beforeAll(async () => {
    world = await startService();
  });
  afterAll(() => world.stop());

  it('erases the case of an order that has ended, and the audit with one case’s key goes on', async () => {
    const { service, folder } = world;
    const reviewer = await world.person('reviewer', 'm-bakker');
    const registrar = await service.enrol('registrar', 'j-devries');
    const [orderId, kept] = [await service.record(registrar), await service.record(registrar)];
    const erase = (...more: string[]) =>
      world.griffie('case', 'erase', orderId, '--as', reviewer, '--reason', 'period_over', ...more);
    expect((await erase('--json')).error().code).toBe('order.in_force');
    service.clock.set('2096-12-20T00:00:00.001Z');
    const erased = await erase();
    expect(erased.stdout).toContain('The key of its case is destroyed and the files are removed.');
    expect(readdirSync(join(service.folder, 'cases'))).toEqual([kept]);
    expect((await world.griffie('case', 'erase', orderId, '--as', reviewer)).exitCode).toBe(2);
    // An auditor with the key of one case sees that one, and that the other is gone.
    const keys = folder.path('master');
    writeFileSync(keys, service.caseMasterKeys, { mode: 0o600 });
    const env = { DISCLOSURE_CASE_MASTER_KEYS: service.caseMasterKeys };
    const key = folder.path('case-identity.txt');
    await run(['case', 'key', kept, '--data', service.folder, '--out', key], { env });
    const verify = ['audit', 'verify', world.ledgerFolder, '--key', service.ledgerKey, '--json'];
    const cases = ['--cases', join(service.folder, 'cases'), '--case-identity'];
    const ran = await run([...verify, ...cases, key]);
    expect(ran.exitCode).toBe(0);
    expect(ran.json().notChecked).toMatchObject([{ what: 'case_file_erased', count: 1 }]);
    // With the key of none it is locked, which is not whole.
    const other = folder.path('other.txt');
    await world.griffie('key', 'recipient', '--out', other);
    const locked = await run([...verify, ...cases, other]);
    expect(locked.exitCode).toBe(4);
    expect((locked.json().notChecked as { what: string }[]).map(({ what }) => what)).toContain(
      'case_file_locked',
    );
  });
});
