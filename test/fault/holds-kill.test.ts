import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LedgerEntry } from '#shared/ledger';
import { packageRoot } from '#shared/runtime';
import { askStatus } from '../../services/cli/status-socket.ts';
import { addressOf } from '../bench/disclosure-sizes.ts';
import { type GriffieProcess, isBuilt, startGriffie } from '../support/griffie-process.ts';
import { type AdministratorKeys, makeAdministrators, putOrderInForce } from '../support/people-over-http.ts';
import { verifiedEntries } from '../support/verified-ledger.ts';

const rounds = Number(process.env.ROUNDS ?? 1);
/** Records that each order holds: several parts of the table. */
const size = Number(process.env.RECORDS ?? 100_000);
const url = 'http://127.0.0.1:18441';
const holdsView = z.object({
  holds: z.array(
    z.object({
      orderId: z.string(),
      records: z.int(),
      copiedAt: z.string().nullable(),
      fault: z.string().nullable(),
    }),
  ),
});

describe.skipIf(!isBuilt)('holds of orders while the service is killed (needs npm run build)', () => {
  let folder: string;
  let data: string;
  let administrators: AdministratorKeys;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-holds-'));
    data = join(folder, 'data');
    const fill = join(packageRoot, 'dist/test/bench/disclosure-fill.js');
    await promisify(execFile)(process.execPath, [fill, data, String(size)]);
    administrators = await makeAdministrators(url, join(data, 'keys'));
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function start(): Promise<GriffieProcess> {
    const griffie = startGriffie(['start', '--data', data, '--listen', '127.0.0.1:18441']);
    await griffie.says('Griffie is listening');
    return griffie;
  }
  const held = async (orderId: string) =>
    (await askStatus(data, '/retention', holdsView)).holds.find((hold) => hold.orderId === orderId);
  /** @returns how long it took, milliseconds */
  async function until(isSo: () => Promise<boolean>): Promise<number> {
    const begun = performance.now();
    for (let tries = 0; tries < 1500; tries++) {
      if (await isSo()) return performance.now() - begun;
      await sleep(20);
    }
    throw new Error('it did not come to be so');
  }
  const isCopied = (orderId: string) => async (): Promise<boolean> => {
    const hold = await held(orderId);
    return hold?.copiedAt != null && hold.records > 0;
  };
  const entries = (): Promise<LedgerEntry[]> => verifiedEntries(data);

  it(`${rounds} round(s): what is held is all of it, once; what has ended is gone, once, as its certificate says`, async () => {
    const orders: string[] = [];
    let copyingMs = 400;
    const cuts = { copying: 0, removing: 0 };
    for (let round = 0; round < rounds; round++) {
      let griffie = await start();
      const { orderId, registrar } = await putOrderInForce(url, administrators, [addressOf(size)]);
      orders.push(orderId);
      // What is due is done at each start, so that it is now that it is copied.
      await griffie.end('SIGTERM');
      griffie = await start();
      await sleep(Math.random() * copyingMs);
      await griffie.end('SIGKILL');
      if (!(await entries()).some(({ kind, subject }) => kind === 'hold.copied' && subject === orderId))
        cuts.copying++;
      griffie = await start();
      copyingMs = Math.max(copyingMs, await until(isCopied(orderId)));
      expect(await held(orderId)).toMatchObject({ records: size, fault: null });

      await registrar.call('POST', `/v1/orders/${orderId}/revocation`, { reason: 'withdrawn' });
      await griffie.end('SIGKILL');
      griffie = await start();
      await sleep(Math.random() * 300);
      await griffie.end('SIGKILL');
      if (!(await entries()).some(({ kind, subject }) => kind === 'hold.deleted' && subject === orderId))
        cuts.removing++;
      griffie = await start();
      await until(async () => (await held(orderId)) === undefined);
      expect(await griffie.end('SIGTERM')).toBe(0);
    }
    const all = await entries();
    for (const orderId of orders) {
      const own = all.filter(({ kind, subject }) => kind.startsWith('hold.') && subject === orderId);
      expect(own.map(({ kind }) => kind)).toEqual([
        'hold.placed',
        'hold.copied',
        'hold.ended',
        'hold.deleted',
      ]);
      const [, copied, ended, deleted] = own;
      expect(copied?.details).toEqual({ records: size });
      expect(ended?.details).toMatchObject({ reason: 'order_over', records: size });
      expect(deleted?.details).toMatchObject({ records: size, bytes: ended?.details.bytes });
    }
    if (rounds >= 10) expect(Math.min(cuts.copying, cuts.removing)).toBeGreaterThan(0);
  }, 900_000);
});
