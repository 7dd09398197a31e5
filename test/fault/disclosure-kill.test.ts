import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Manifest, memberNames, readPackage } from '#shared/disclosure-package';
import type { LedgerEntry } from '#shared/ledger';
import { packageRoot } from '#shared/runtime';
import { importPrivateJwk } from '#shared/signed-request';
import { addressOf } from '../bench/disclosure-sizes.ts';
import { type GriffieProcess, isBuilt, startGriffie } from '../support/griffie-process.ts';
import { writePackageFile } from '../support/package-file.ts';
import { makeAdministrators, type OrderInForce, putOrderInForce } from '../support/people-over-http.ts';
import { verifiedEntries } from '../support/verified-ledger.ts';

const rounds = Number(process.env.ROUNDS ?? 5);
/** Records of each disclosure: several slices of the store. */
const size = Number(process.env.RECORDS ?? 40_000);
const url = 'http://127.0.0.1:18439';

describe.skipIf(!isBuilt)('the service killed while it makes a package (needs npm run build)', () => {
  let folder: string;
  let data: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-kill-'));
    data = join(folder, 'data');
    const fill = join(packageRoot, 'dist/test/bench/disclosure-fill.js');
    await promisify(execFile)(process.execPath, [fill, data, String(size)]);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const packages = (): Promise<string[]> => readdir(join(data, 'packages'));
  async function start(): Promise<GriffieProcess> {
    const griffie = startGriffie(['start', '--data', data, '--listen', '127.0.0.1:18439']);
    await griffie.says('Griffie is listening');
    return griffie;
  }
  const request = async ({ officer, orderId }: OrderInForce): Promise<string> =>
    String((await officer.call('POST', '/v1/disclosures', { orderId })).disclosureId);
  /** Waits until each is sealed and nothing else is left. */
  async function untilSealed(ids: readonly string[]): Promise<void> {
    const wanted = ids.map((id) => `${id}.sealed`).sort();
    for (let tries = 0; tries < 6000; tries++) {
      if ((await packages()).sort().join() === wanted.join()) return;
      await sleep(20);
    }
    expect((await packages()).sort()).toEqual(wanted);
  }

  it(`${rounds} rounds of SIGKILL: one package each, the one that was announced, of the same records in the same order`, async () => {
    const administrators = await makeAdministrators(url, join(data, 'keys'));
    let griffie = await start();
    const order = await putOrderInForce(url, administrators, [addressOf(size)]);
    const ids = [await request(order)];
    const begun = Date.now();
    await untilSealed(ids);
    const usualMs = Date.now() - begun;
    const cuts = { staging: 0, announced: 0 };
    for (let round = 0; round < rounds; round++) {
      ids.push(await request(order));
      await sleep(Math.random() * usualMs * 1.1);
      await griffie.end('SIGKILL');
      const left = await packages();
      if (left.some((name) => name.endsWith('.staged'))) cuts.staging++;
      const released = (await entries()).filter(({ kind }) => kind === 'disclosure.released').length;
      if (released > left.filter((name) => name.endsWith('.sealed')).length) cuts.announced++;
      griffie = await start();
      await untilSealed(ids);
    }
    expect(await griffie.end('SIGTERM')).toBe(0);
    if (rounds >= 20) expect(cuts.staging).toBeGreaterThan(rounds / 4);
    await expectOnePackageEach(ids, order.recipientIdentity);
  }, 900_000);

  const entries = (): Promise<LedgerEntry[]> => verifiedEntries(data);

  async function expectOnePackageEach(ids: readonly string[], identity: string): Promise<void> {
    const all = await entries();
    const signing = JSON.parse(await readFile(join(data, 'keys/manifest-signing-key.json'), 'utf8'));
    const { kid, publicJwk: jwk } = await importPrivateJwk(signing);
    const plaintexts = new Set<string>();
    for (const id of ids) {
      const announced = all.filter(({ kind, subject }) => kind === 'disclosure.released' && subject === id);
      expect(announced).toHaveLength(1);
      const sealed = join(data, 'packages', `${id}.sealed`);
      const manifest = await readFile(join(sealed, memberNames.manifest));
      expect(createHash('sha256').update(manifest).digest('hex')).toBe(announced[0]?.details.manifestSha256);
      const file = join(folder, `${id}.tar`);
      await writePackageFile(sealed, file);
      const opened = await readPackage({
        file,
        identities: [identity],
        manifestKey: { kid, jwk },
        outFolder: join(folder, id),
      });
      if (!opened.ok) throw new Error(opened.code);
      expect(opened.manifest.records).toBe(size);
      plaintexts.add(digestsOf(opened.manifest));
      await rm(join(folder, id), { recursive: true });
      await rm(file);
    }
    expect(plaintexts.size).toBe(1);
    expect(all.map(({ kind }) => kind)).not.toContain('disclosure.failed');
  }
});

/** Digests of the records' parts before encryption: their order and numbering are in them. */
function digestsOf({ parts }: Manifest): string {
  return parts.flatMap((part) => ('records' in part ? [`${part.sha256} ${part.records}`] : [])).join();
}
