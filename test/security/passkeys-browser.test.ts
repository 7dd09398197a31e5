import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPublicKeyFile } from '../../services/cli/credential-file.ts';
import { browserLack, openBrowser, type TestBrowser } from '../support/browser.ts';
import { describeWhereThere } from '../support/needed.ts';
import { replayOf } from '../support/replayed.ts';
import { audience, startTestService, type TestService } from '../support/test-service.ts';
import { makeFolder } from '../unit/cli/support.ts';

describeWhereThere('a passkey in Chromium', browserLack, () => {
  let t: TestService;
  let browser: TestBrowser;
  let authenticatorId: string;
  let half: string;

  beforeAll(async () => {
    t = await startTestService();
    browser = await openBrowser(t);
    const { page, devtools } = browser;
    await page.goto(`${audience}/passkeys`);
    await devtools.send('WebAuthn.enable');
    ({ authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
  });
  afterAll(async () => {
    await browser.close();
    await t.stop();
  });

  /** Fills a form of the page, and gives what the page shows then. */
  async function submit(form: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const { page } = browser;
    for (const [name, value] of Object.entries(fields)) {
      const field = page.locator(`${form} [name=${name}]`);
      if (name === 'method') await field.selectOption(value);
      else await field.fill(value);
    }
    await page.locator(`${form} button`).click();
    await page.locator('#result:not(:empty)').waitFor();
    return (await page.locator('#result').textContent()) ?? '';
  }
  const ask = (method: string, path: string, body = '') => submit('#sign', { key: half, method, path, body });

  it('is registered, enrolled by one administrator and confirmed by another', async () => {
    half = await submit('#register', { credentialId: 'browser-1' });
    const { credentialId, algorithm, publicKey, thumbprint, possession } = JSON.parse(half);
    const { notBefore, notAfter } = await t.enrolment(t.administrator.key, 'x', 'x', 'officer');
    const who = { credentialId, personId: 'browser-1', role: 'officer' };
    const body = { ...who, algorithm, publicKey, notBefore, notAfter, possession };
    // What the page shows is the public key file that the command line takes.
    const folder = makeFolder();
    expect(await readPublicKeyFile(folder.write('half.json', half))).toMatchObject({ thumbprint });
    folder.remove();
    expect(await t.administrator.call('POST', '/v1/credentials', { body })).toMatchObject({ status: 201 });
    expect(await ask('GET', '/v1/orders')).toContain('proof.key_unconfirmed');
    const confirmation = { body: { personId: 'browser-1', role: 'officer' } };
    const path = `/v1/credentials/${thumbprint}/confirmation`;
    expect((await t.secondAdministrator.call('POST', path, confirmation)).status).toBe(200);
    const entry = (await t.entries()).find(({ details }) => details.credentialId === 'browser-1');
    expect(entry?.details.passkey).toMatchObject({ id: expect.any(String), attestation: expect.any(String) });
  });

  it('reads, and asks for a disclosure', async () => {
    const orderId = await t.approvedOrder();
    expect(JSON.parse(await ask('GET', '/v1/orders')).items).toHaveLength(1);
    const requested = JSON.parse(await ask('POST', '/v1/disclosures', JSON.stringify({ orderId })));
    expect(requested).toMatchObject({ orderId, status: 'AwaitingDisclosure' });
  });

  it('does nothing that its role may not', async () => {
    expect(await ask('GET', '/v1/credentials')).toContain('access.role');
  });

  it('signs nothing unless the person is verified', async () => {
    const { devtools } = browser;
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    expect(await ask('GET', '/v1/orders')).toContain('NotAllowedError');
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    expect(JSON.parse(await ask('GET', '/v1/orders')).items).toHaveLength(1);
  });

  it('leaves a ledger that verifies when it is replayed', async () => {
    const report = await replayOf(t);
    expect(report.problems).toEqual([]);
    expect(report.gaps.body).toBeUndefined();
  });
});
