import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '#shared/runtime';
import { openControlPlane } from '../../../services/disclosure/control/control-plane.ts';
import { createPackageExpiry } from '../../../services/disclosure/release/package-expiry.ts';
import { openPackageFolder } from '../../../services/disclosure/release/packages.ts';
import { type Person, startTestService, type TestService } from '../../support/test-service.ts';

describe('a released package on the server', () => {
  let t: TestService;
  let officer: Person;
  let disclosureId: string;
  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
    const orderId = await t.approvedOrder(t.orderDraft({ validUntil: '2097-06-20T00:00:00.000Z' }));
    disclosureId = (await officer.call('POST', '/v1/disclosures', { body: { orderId } })).body.disclosureId;
    await t.finished(officer, disclosureId);
  });
  afterAll(() => t.stop());

  const sealed = (): string => join(t.folder, 'packages', `${disclosureId}.sealed`);
  const expiryOf = async () =>
    createPackageExpiry({
      control: await openControlPlane(t.ledger, t.clock),
      packages: await openPackageFolder(join(t.folder, 'packages')),
      logger: silentLogger,
    });
  const removals = async () => (await t.entries()).filter(({ kind }) => kind === 'retention.package_removed');

  it('can be fetched for thirty days', async () => {
    t.clock.set('2096-12-20T08:00:00.000Z');
    await t.enrol('auditor');
    const expiry = await expiryOf();
    await expiry.run();
    expect(existsSync(sealed())).toBe(true);
    expect((await officer.call('GET', `/v1/disclosures/${disclosureId}/package`)).status).toBe(200);
  });

  it('stays while the clock is not borne out, however late it says it is', async () => {
    t.clock.set('2097-06-01T00:00:00.000Z');
    const expiry = await expiryOf();
    await expiry.run();
    expect(existsSync(sealed())).toBe(true);
    t.clock.set('2096-12-20T08:00:01.000Z');
  });

  it('then goes, and the ledger says so once; who asks for it is told', async () => {
    t.clock.set('2096-12-21T10:00:00.000Z');
    await t.enrol('auditor');
    await (await expiryOf()).run();
    await (await expiryOf()).run();
    expect(existsSync(sealed())).toBe(false);
    expect(await removals()).toHaveLength(1);
    const answer = await officer.call('GET', `/v1/disclosures/${disclosureId}/package`);
    expect([answer.status, answer.body.code]).toEqual([410, 'disclosure.package_removed']);
    expect((await officer.call('GET', `/v1/disclosures/${disclosureId}`)).body.ready).toBe(false);
  });

  it('of which the removal was cut off before its entry is recorded by the next look', async () => {
    const second = await t.approvedOrder(t.orderDraft({ validUntil: '2097-06-20T00:00:00.000Z' }));
    const { body } = await officer.call('POST', '/v1/disclosures', { body: { orderId: second } });
    await t.finished(officer, body.disclosureId);
    const packages = await openPackageFolder(join(t.folder, 'packages'));
    await packages.remove(body.disclosureId);
    // What a crash left of its making goes with it.
    await mkdir(packages.stagingPath(body.disclosureId));
    await writeFile(join(packages.stagingPath(body.disclosureId), 'part'), 'x');
    t.clock.set('2097-01-22T10:00:00.000Z');
    await t.enrol('auditor');
    const expiry = await expiryOf();
    expect(expiry.left()).toBe(1);
    await expiry.run();
    expect(expiry.left()).toBe(0);
    expect(await removals()).toHaveLength(2);
    expect(existsSync(packages.stagingPath(body.disclosureId))).toBe(false);
  });
});
