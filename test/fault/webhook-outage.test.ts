import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failedLogin, newFolder, post, startHook, until } from '../integration/collector/webhook-support.ts';
import { isBuilt } from '../support/griffie-process.ts';
import { freePorts } from '../support/mail-servers/ports.ts';
import { HookProcess } from './webhook-process.ts';

const linesPerRequest = 100;
const spoolBytes = 16 * 1024 * 1024;

/** What the bus does while it is away. */
const outages = ['refuse', 'hang'] as const;

describe.skipIf(!isBuilt)(`a bus that is away${isBuilt ? '' : ' (skipped: not built)'}`, () => {
  it.each(outages)(
    '(%s) fills the spool to its bound, then deliveries are refused; once it is back everything comes, once, and memory stayed flat',
    async (mode) => {
      const folder = await newFolder();
      const [port = 0] = await freePorts(1);
      const child = new HookProcess(folder, port);
      const acknowledged: number[] = [];
      const refused = new Map<number, number>();
      let next = 0;
      let retryAfter: string | undefined;

      async function deliver(lines: number): Promise<boolean> {
        const numbers = Array.from({ length: lines }, () => next++);
        const body = numbers.map((number) => failedLogin(number)).join('\n');
        const answer = await post(port, body);
        if (answer.status === 204) acknowledged.push(...numbers);
        else refused.set(answer.status, (refused.get(answer.status) ?? 0) + 1);
        retryAfter ??= answer.headers['retry-after'];
        return answer.status === 204;
      }
      const inParallel = (task: () => Promise<unknown>) => Promise.all(Array.from({ length: 8 }, task));

      try {
        await until(() => child.status?.state === 'following', 60);
        for (let i = 0; i < 100; i++) await inParallel(() => deliver(1));
        child.bus(mode);
        await sleep(200);
        await inParallel(async () => {
          for (let i = 0; i < 10; i++) await deliver(linesPerRequest);
        });
        const { rssBytes: before = 0 } = child.status ?? {};
        child.peakRssBytes = 0;
        await inParallel(async () => {
          while (await deliver(linesPerRequest));
        });
        // Refused again and again: nothing piles up.
        for (let i = 0; i < 20; i++) await inParallel(() => deliver(linesPerRequest));
        await sleep(300);
        const growth = child.peakRssBytes - before;
        const spooled = acknowledged.length;
        expect(spooled).toBeGreaterThan(20_000);
        expect([...refused.keys()]).toEqual([503]);
        expect(retryAfter).toBe('10');
        expect(child.status?.lagBytes).toBeGreaterThan(spoolBytes * 0.8);
        expect(child.status?.lagBytes).toBeLessThanOrEqual(spoolBytes);
        expect(growth / 2 ** 20).toBeLessThan(96);

        child.bus('take');
        await until(() => child.status?.lagBytes === 0, 120);
        // There is room again.
        await inParallel(() => deliver(1));
        await until(() => child.status?.lagBytes === 0, 60);
        const events = await child.events();
        const found = new Set(events.map(({ sessionId }) => sessionId));
        expect(events.length).toBe(acknowledged.length);
        expect(found.size).toBe(acknowledged.length);
        expect(acknowledged.every((number) => found.has(`session${number}`))).toBe(true);
        process.stdout.write(
          `bus away (${mode}): ${spooled} lines acknowledged, all found once; memory grew by ${Math.round(growth / 2 ** 20)} MB\n`,
        );
      } finally {
        await child.kill();
        await rm(folder, { recursive: true, force: true });
      }
    },
    300_000,
  );
});

/** A disk of its own, small enough to be filled: only root can make one. */
function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'griffie-test', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a disk that is full', () => {
  let folder: string;
  let mounted = false;
  beforeAll(async () => {
    folder = await newFolder();
    await mkdir(join(folder, 'state'));
    mounted = mountSmallDisk(join(folder, 'state'));
  });
  afterAll(async () => {
    if (mounted) execFileSync('umount', ['--lazy', join(folder, 'state')]);
    await rm(folder, { recursive: true, force: true });
  });

  it('is answered 503 and nothing of the delivery is kept; with room again everything goes on', async ({
    skip,
  }) => {
    if (!mounted) skip('needs root, and the right to mount');
    const hook = await startHook({}, { folder });
    const acknowledged: number[] = [];
    let next = 0;
    const deliver = async (lines: number): Promise<number> => {
      const numbers = Array.from({ length: lines }, () => next++);
      const { status } = await post(hook.port, numbers.map((number) => failedLogin(number)).join('\n'));
      if (status === 204) acknowledged.push(...numbers);
      return status;
    };
    const ballast = join(folder, 'state/ballast');
    hook.publisher.mode = 'refuse';
    for (let i = 0; i < 30; i++) expect(await deliver(100)).toBe(204);
    const { bavail, bsize } = await statfs(join(folder, 'state'));
    await writeFile(ballast, Buffer.alloc(Number(bavail) * Number(bsize) - 128 * 1024));
    let status = 204;
    for (let i = 0; i < 100 && status === 204; i++) status = await deliver(100);
    expect(status).toBe(503);
    for (let i = 0; i < 20; i++) expect(await deliver(100)).toBe(503);
    expect(hook.status().requests?.refused).toEqual({ 'webhook.spool_unavailable': 21 });
    // Nor has the checkpoint any room, while the listener goes on.
    await appendFile(ballast, Buffer.alloc(1024 * 1024)).catch(() => {});
    hook.publisher.take();
    await until(() => hook.status().lastFault?.code === 'ENOSPC', 60);
    expect(await deliver(100)).toBe(503);
    await rm(ballast);
    expect(await deliver(100)).toBe(204);
    await until(
      () => new Set(hook.publisher.events.map(({ eventId }) => eventId)).size >= acknowledged.length,
      60,
    );
    await until(() => hook.status().lagBytes === 0, 60);
    const found = hook.publisher.events.map(({ sessionId }) => Number(sessionId?.slice('session'.length)));
    expect([...new Set(found)].sort((a, b) => a - b)).toEqual(acknowledged);
    expect(new Set(hook.publisher.events.map(({ eventId }) => eventId)).size).toBe(acknowledged.length);
    await hook.collector.stop();
  }, 240_000);
});
