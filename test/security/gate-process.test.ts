import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importPrivateJwk, type SigningKey } from '#shared/signed-request';
import { bootstrapAdministrators } from '../support/administrators.ts';
import { freePort } from '../support/free-port.ts';
import { type GriffieProcess, isBuilt, runGriffie, startGriffie } from '../support/griffie-process.ts';
import { signCall } from '../support/signed-call.ts';

async function mustRun(...args: string[]): Promise<void> {
  const { code, stderr } = await runGriffie(args);
  expect([code, stderr]).toEqual([0, '']);
}

const name = isBuilt
  ? 'the program, killed and started again'
  : 'the program, killed and started again (skipped: npm run build was not run)';

describe.skipIf(!isBuilt)(name, () => {
  let folder: string;
  let url: string;
  let port: number;
  let key: SigningKey;
  let griffie: GriffieProcess;
  const planted = 'alice.secret@example.nl';
  const outputs: string[] = [];

  const start = async (): Promise<void> => {
    griffie = startGriffie(['start', '--data', join(folder, 'data'), '--listen', `127.0.0.1:${port}`]);
    await griffie.says('Griffie is listening');
  };
  const sign = (path: string): Promise<string> =>
    signCall({ key, credentialId: 'alice' }, url, { method: 'GET', path }, Date.now());
  const get = async (path: string, proof: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${url}${path}`, { headers: { 'griffie-proof': proof } });
    return { status: answer.status, text: await answer.text() };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const path = (name: string): string => join(folder, name);
    const [own] = await bootstrapAdministrators(mustRun, url, path, ['--data', join(folder, 'data')]);
    await start();
    key = await importPrivateJwk(JSON.parse(await readFile(own, 'utf8')).privateKey);
  });
  afterAll(async () => {
    await griffie.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('refuses a signed request that was used before it was killed', async () => {
    const proof = await sign('/v1/credentials');
    expect((await get('/v1/credentials', proof)).status).toBe(200);
    await griffie.end('SIGKILL');
    outputs.push(griffie.output());
    await start();
    const again = await get('/v1/credentials', proof);
    expect(again.status).toBe(401);
    expect(JSON.parse(again.text).code).toBe('proof.replayed');
    expect((await get('/v1/credentials', await sign('/v1/credentials'))).status).toBe(200);
  });

  it('says nothing of what it was sent, in answers and in its output', async () => {
    for (const path of [
      `/v1/orders/${planted}`,
      `/v1/${planted}`,
      `/v1/orders?q=${planted}`,
      `/%zz${planted}`,
    ]) {
      const { status, text } = await get(path, await sign('/v1/credentials'));
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text).not.toContain(planted);
    }
    expect([...outputs, griffie.output()].join('\n')).not.toContain('alice');
  });

  it('keeps its folder, keys, case files, packages and socket for its own user', async () => {
    const data = join(folder, 'data');
    const own = ['', 'keys', 'cases', 'packages', 'griffie.sock'];
    const keys = (await readdir(join(data, 'keys'))).map((file) => `keys/${file}`);
    expect(keys.length).toBeGreaterThan(3);
    for (const path of [...own, ...keys]) {
      expect([path, (await stat(join(data, path))).mode & 0o077]).toEqual([path, 0]);
    }
  });
});
