import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { afterAll, describe, expect, it } from 'vitest';
import { validatePublicJwk } from '#shared/signed-request';
import { makeFolder, run } from './support.ts';

const folder = makeFolder();
afterAll(() => folder.remove());
const service = 'https://griffie.example.nl';

const newKey = (out: string, ...more: string[]) =>
  run(['key', 'new', '--credential', 'j-devries-1', '--service', `${service}/`, '--out', out, ...more]);

describe('griffie key new', () => {
  it('makes a credential file that only its owner can read, and says what comes next', async () => {
    const file = folder.path('me.json');
    const { exitCode, stdout } = await newKey(file);
    expect(exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const written = JSON.parse(readFileSync(file, 'utf8'));
    expect(written).toMatchObject({ credentialId: 'j-devries-1', service, algorithm: 'ES256' });
    expect(Object.keys(written)).toEqual([
      'credentialId',
      'service',
      'algorithm',
      'thumbprint',
      'privateKey',
    ]);
    expect(stdout).toContain(written.thumbprint);
    expect(stdout).toContain('griffie key public');
    expect(stdout).not.toContain(written.privateKey.d);
  });

  it('never overwrites', async () => {
    const file = folder.write('taken.json', 'mine');
    const { exitCode, error } = await newKey(file, '--json');
    expect({ exitCode, code: error().code }).toEqual({ exitCode: 2, code: 'file.exists' });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it.each(['ES384', 'EdDSA', 'Ed25519', 'PS256'])(
    'makes %s keys whose public half can be enrolled',
    async (algorithm) => {
      const file = folder.path(`${algorithm}.json`);
      await newKey(file, '--algorithm', algorithm);
      const half = (await run(['key', 'public', '--as', file])).json();
      expect(half.algorithm).toBe(algorithm);
      expect(await validatePublicJwk(half.publicKey, algorithm)).toMatchObject({
        ok: true,
        kid: half.thumbprint,
      });
    },
  );
});

describe('griffie key public', () => {
  it('gives the public half and nothing of the private one', async () => {
    const file = folder.path('own.json');
    await newKey(file);
    const { privateKey } = JSON.parse(readFileSync(file, 'utf8'));
    const out = folder.path('own.public.json');
    const shown = await run(['key', 'public', '--as', file]);
    await run(['key', 'public', '--as', file, '--out', out]);
    // Each time the key signs for its enrolment anew.
    const possession = expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({ ...shown.json(), possession });
    const members = ['credentialId', 'algorithm', 'publicKey', 'thumbprint', 'possession'];
    expect(Object.keys(shown.json())).toEqual(members);
    expect(shown.stdout + readFileSync(out, 'utf8')).not.toContain(privateKey.d);
  });

  it('refuses a credential file that others can read, as ssh does', async () => {
    const file = folder.path('open.json');
    await newKey(file);
    chmodSync(file, 0o640);
    const { exitCode, stderr } = await run(['key', 'public', '--as', file]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`chmod 600 ${file}`);
  });

  it.each([
    ['no file', undefined, 'file.missing'],
    ['no JSON', '{', 'file.malformed'],
    ['a member twice', '{"credentialId":"a","credentialId":"b"}', 'file.duplicate_member'],
    ['another form', '{"credentialId":"a"}', 'file.wrong_form'],
  ])('says so for %s', async (_, content, code) => {
    const file = content === undefined ? folder.path('none.json') : folder.write('bad.json', content);
    const ran = await run(['key', 'public', '--as', file, '--json']);
    expect({ exitCode: ran.exitCode, code: ran.error().code }).toEqual({ exitCode: 2, code });
  });

  it('refuses a file whose key is not the one its thumbprint names, and shows nothing of it', async () => {
    const [file, other] = [folder.path('one.json'), folder.path('two.json')];
    await newKey(file);
    await newKey(other);
    const mixed = JSON.parse(readFileSync(file, 'utf8'));
    const { privateKey } = JSON.parse(readFileSync(other, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...mixed, privateKey }));
    const { exitCode, stderr } = await run(['key', 'public', '--as', file]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('file.damaged');
    expect(stderr).not.toContain(privateKey.d);
  });
});

describe('griffie key recipient', () => {
  it("writes an identity in age-keygen's form and prints its recipient", async () => {
    const file = folder.path('identity.txt');
    const recipient = (await run(['key', 'recipient', '--out', file])).stdout.trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines[0]).toMatch(/^# created: \d{4}-/);
    expect(lines[1]).toBe(`# public key: ${recipient}`);
    const identity = lines[2] ?? '';
    expect(await identityToRecipient(identity)).toBe(recipient);
    const [encrypter, decrypter] = [new Encrypter(), new Decrypter()];
    encrypter.addRecipient(recipient);
    decrypter.addIdentity(identity);
    expect(await decrypter.decrypt(await encrypter.encrypt('for the court'), 'text')).toBe('for the court');
  });
});
