import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { enrolByTwo } from '../../support/administrators.ts';
import { describeWhereThere } from '../../support/needed.ts';
import { makeSoftToken, type SoftToken, softTokenLack } from '../../support/soft-token.ts';
import { audience } from '../../support/test-service.ts';
import { type Ran, run } from '../../unit/cli/support.ts';
import { fetchFrom, type ServiceUnderTest, startService } from './against-service.ts';

describeWhereThere('a key on a token', softTokenLack, () => {
  let world: ServiceUnderTest;
  let token: SoftToken;
  const path = (name: string): string => world.folder.path(name);
  const griffie = (
    args: readonly string[],
    env: Record<string, string> = { GRIFFIE_PKCS11_PIN: token.pin },
  ): Promise<Ran> =>
    run(args, {
      now: () => world.service.clock.now(),
      fetch: fetchFrom(world.service),
      env: { ...token.env, ...env },
    });
  const mustRun = async (...args: readonly string[]): Promise<Ran> => {
    const ran = await griffie(args);
    if (ran.exitCode !== 0) throw new Error(ran.stderr);
    return ran;
  };
  const uri = (object: string, more = ''): string => `pkcs11:token=${token.label};object=${object}${more}`;

  beforeAll(async () => {
    [world, token] = [await startService(), makeSoftToken('griffie-test')];
    token.makeKey('EC:prime256v1', 'decoy', '01');
    token.makeKey('EC:prime256v1', 'es256', '0a');
    token.makeKey('EC:secp384r1', 'p-384', '0b');
    token.makeKey('rsa:2048', 'ps256', '0c');
    token.makeKey('EC:secp521r1', 'p-521', '0d');
    token.makeKey('EC:prime256v1', 'twin', '0e');
    token.makeKey('EC:prime256v1', 'twin', '0f');
  });
  afterAll(async () => {
    await world.stop();
    token.remove();
  });

  it.each(['es256', 'ps256'])('signs by %s: enrolled, confirmed, used', async (object) => {
    const [own, half] = [path(`${object}.json`), path(`${object}.public.json`)];
    const names = ['--credential', object, '--service', audience];
    const made = await mustRun('key', 'new', ...names, '--pkcs11', uri(object), '--out', own, '--json');
    expect(made.json()).toMatchObject({ algorithm: object.toUpperCase() });
    await mustRun('key', 'public', '--as', own, '--out', half);
    const administrators = [world.administrator, world.secondAdministrator] as const;
    await enrolByTwo(mustRun, administrators, { half, person: object, role: 'registrar' });
    expect((await mustRun('order', 'list', '--as', own)).exitCode).toBe(0);
    const direct = `${uri(object)}?x-griffie-credential=${object}&x-griffie-service=${audience}`;
    expect((await mustRun('order', 'list', '--as', direct)).exitCode).toBe(0);
    const content = readFileSync(own, 'utf8');
    expect(content).not.toContain('privateKey');
    expect(content).not.toContain(token.pin);
  });

  it('takes the PIN from a file', async () => {
    const pin = world.folder.write('pin.txt', `${token.pin}\n`);
    const named = [
      `${uri('es256')}?pin-source=file:${pin}`,
      'x-griffie-credential=es256',
      `x-griffie-service=${audience}`,
    ];
    expect((await griffie(['order', 'list', '--as', named.join('&')], {})).exitCode).toBe(0);
  });

  it.each<[string, string, Record<string, string>]>([
    ['pkcs11.pin', 'es256', { GRIFFIE_PKCS11_PIN: '000000' }],
    ['pkcs11.pin_missing', 'es256', {}],
  ])('is refused with %s', async (code, object, env) => {
    const ran = await griffie(['order', 'list', '--as', path(`${object}.json`), '--json'], env);
    expect(ran.error().code).toBe(code);
    expect(ran.stderr).not.toContain('000000');
  });

  it.each([
    ['pkcs11.object', 'nobody'],
    ['pkcs11.object', 'twin'],
    ['pkcs11.object', 'p-384'],
    ['pkcs11.key', 'p-521'],
  ])('is refused with %s for %s', async (code, object) => {
    const args = ['--credential', object, '--service', audience, '--pkcs11', uri(object)];
    const ran = await griffie(['key', 'new', ...args, '--out', path('none.json'), '--json']);
    expect(ran.error().code).toBe(code);
  });

  it('is refused where the token is another one', async () => {
    const args = ['--credential', 'x', '--service', audience, '--pkcs11', 'pkcs11:token=nobody;object=es256'];
    const ran = await griffie(['key', 'new', ...args, '--out', path('none.json'), '--json']);
    expect(ran.error().code).toBe('pkcs11.token');
  });

  it('is refused where the file names another key of the token', async () => {
    const file = JSON.parse(readFileSync(path('es256.json'), 'utf8'));
    const other = world.folder.write('other.json', { ...file, pkcs11: file.pkcs11.replace('%0a', '%01') });
    const ran = await griffie(['order', 'list', '--as', other, '--json']);
    expect(ran.error().code).toBe('pkcs11.object');
  });

  it('says what to install where OpenSC is not there', async () => {
    const ran = await griffie(['order', 'list', '--as', path('es256.json'), '--json'], { PATH: '/nowhere' });
    expect(ran.error()).toMatchObject({ code: 'pkcs11.tool', message: expect.stringContaining('opensc') });
  });
});
