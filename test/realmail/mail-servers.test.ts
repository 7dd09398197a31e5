import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { describeWithMailServers } from '../support/mail-servers/describe.ts';
import { type MailServers, SmtpClient, startMailServers } from '../support/mail-servers/index.ts';

const start = (): Promise<MailServers> =>
  startMailServers({
    hostName: 'mx1.example.nl',
    domains: ['example.nl'],
    users: [{ address: 'alice@example.nl', password: 'secret' }],
  });

/** A process of its own, which prints the servers' folder. Vite, which runs these tests, reads the TypeScript. */
const startsServersAndWaits = `
  import { runnerImport } from 'vite';
  const { module } = await runnerImport(${JSON.stringify(join(import.meta.dirname, '../support/mail-servers/index.ts'))});
  const servers = await module.startMailServers({ hostName: 'mx1.example.nl', domains: ['example.nl'], users: [] });
  process.stdout.write(servers.paths.root);
  setInterval(() => {}, 1000);
`;

/** Processes that work in the folder, or were started with its name. Also after it was removed. */
async function processesUnder(folder: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const traces = await Promise.all(
    pids.map(async (pid) => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return `${commandLine} ${workingFolder}`;
    }),
  );
  return traces.filter((trace) => trace.includes(folder)).length;
}

async function untilGone(folder: string): Promise<void> {
  const end = Date.now() + 20_000;
  while ((existsSync(folder) || (await processesUnder(folder)) > 0) && Date.now() < end) await sleep(100);
}

describeWithMailServers('the mail servers of the tests', () => {
  it('run two pairs side by side, and leave no file and no process when stopped', async () => {
    const pairs = await Promise.all([start(), start()]);
    for (const { ports, paths } of pairs) {
      // Postfix's master, its logger and Dovecot's master, at least.
      expect(await processesUnder(paths.root)).toBeGreaterThan(3);
      for (const host of ['127.0.0.1', '::1']) {
        const client = await SmtpClient.open({ host, port: ports.smtp, helo: 'client.example.org' });
        await client.quit();
      }
    }
    await Promise.all(pairs.map((pair) => pair.stop()));
    for (const { paths } of pairs) {
      await untilGone(paths.root);
      expect(existsSync(paths.root)).toBe(false);
      expect(await processesUnder(paths.root)).toBe(0);
    }
  });

  it('refuse to relay for a stranger, and route nothing beyond the domains they were given', async () => {
    const servers = await start();
    try {
      const helo = 'client.example.nl';
      const from = 'alice@example.nl';
      const to = ['someone@elsewhere.example'];
      const message = 'Subject: x\r\n\r\nx';
      const stranger = await SmtpClient.open({ port: servers.ports.smtp, helo });
      expect((await stranger.send({ from, to, message })).recipients[0]?.code).toBe(554);
      await stranger.quit();
      const alice = await SmtpClient.open({ port: servers.ports.submission, helo });
      expect((await alice.authenticate(from, 'secret')).code).toBe(235);
      expect((await alice.send({ from, to, message })).recipients[0]?.code).toBe(550);
      await alice.quit();
    } finally {
      await servers.stop();
    }
  });

  it('end by themselves when the process that started them is killed', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', startsServersAndWaits], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await once(child.stdout, 'data');
    const folder = String(output).trim();
    expect(existsSync(folder)).toBe(true);
    child.kill('SIGKILL');
    await untilGone(folder);
    expect(existsSync(folder)).toBe(false);
    expect(await processesUnder(folder)).toBe(0);
  });
});
