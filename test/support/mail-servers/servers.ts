import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { mailServersAvailable, programs } from './available.ts';
import { dovecotConf, dovecotUsers, mailboxUid } from './dovecot-config.ts';
import {
  type MailServerPaths,
  type MailServerPorts,
  type MailServersOptions,
  type MailUser,
  pathsUnder,
} from './options.ts';
import { freePorts } from './ports.ts';
import { mainCf, masterCf, postfixTables } from './postfix-config.ts';

const run = promisify(execFile);
const startTimeoutMs = 20_000;
const queueTimeoutMs = 120_000;

/** A running Postfix and Dovecot. */
export interface MailServers {
  readonly hostName: string;
  readonly ports: MailServerPorts;
  readonly paths: MailServerPaths;
  readonly users: readonly MailUser[];
  /** Tries every deferred message again, now. */
  flushQueue(): Promise<void>;
  /**
   * Waits until Postfix has dealt with every message: at most `deferred` are left, and those wait for
   * another try. @throws after two minutes, with the queue and the end of the log.
   */
  waitForQueue(deferred?: number): Promise<void>;
  /** Sets `main.cf` parameters in the running server. */
  reconfigurePostfix(parameters: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Rotates both logs as a host does at night: Postfix's by its own command, which also compresses the old
   * file, Dovecot's by renaming and a signal to open it again.
   */
  rotateLogs(): Promise<void>;
  /** Both logs as they are now. */
  readLogs(): Promise<{ postfix: string; dovecot: string }>;
  /** Stops both servers and removes their folder. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts Debian's Postfix and Dovecot on loopback with a configuration of their own under a temporary
 * folder. They end with `stop()`, and also when this process dies, however it dies.
 * @throws where the servers are not available or do not come up; what they logged is in the message.
 */
export async function startMailServers(options: MailServersOptions): Promise<MailServers> {
  const availability = mailServersAvailable();
  if (!availability.ok) throw new Error(`mail servers: ${availability.reason}`);
  const paths = pathsUnder(await mkdtemp(join(tmpdir(), 'griffie-mail-')));
  const ports = await choosePorts();
  await writeConfiguration(options, paths, ports);
  const janitor = startJanitor(paths);
  const env = { PATH: process.env.PATH ?? '', TZ: options.timeZone ?? 'UTC', LC_ALL: 'C' };
  const stop = async (): Promise<void> => {
    if (janitor.exitCode !== null || janitor.signalCode !== null) return;
    janitor.stdin?.end();
    await once(janitor, 'exit');
  };
  try {
    await runDetached(programs.postfix, ['-c', paths.postfixConfig, 'start'], env);
    // Dovecot listens inside Postfix's queue folder, which Postfix has now set up.
    await runDetached(programs.dovecot, ['-c', paths.dovecotConfig], env);
    await waitForPorts(Object.values(ports));
  } catch (error) {
    const logs = await readLogs(paths);
    await stop();
    throw new Error(`mail servers did not start\n${logs.postfix}\n${logs.dovecot}`, { cause: error });
  }

  const postqueue = (...args: string[]) => run(programs.postqueue, ['-c', paths.postfixConfig, ...args]);
  const queue = async (): Promise<{ listing: string; length: number; busy: boolean }> => {
    const { stdout } = await postqueue('-j');
    const messages = stdout.split('\n').filter((line) => line !== '');
    return {
      listing: stdout,
      length: messages.length,
      busy: messages.some((line) => !line.includes('"queue_name": "deferred"')),
    };
  };
  return {
    hostName: options.hostName,
    ports,
    paths,
    users: options.users,
    flushQueue: async () => {
      await postqueue('-f');
    },
    waitForQueue: async (deferred = 0) => {
      const end = Date.now() + queueTimeoutMs;
      for (let now = await queue(); now.busy || now.length > deferred; now = await queue()) {
        if (Date.now() > end) {
          const log = (await readLogs(paths)).postfix.slice(-8000);
          throw new Error(`Postfix's queue is not down to ${deferred} messages:\n${now.listing}\n${log}`);
        }
        await sleep(100);
      }
    },
    reconfigurePostfix: async (parameters) => {
      const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
      await run(programs.postconf, ['-c', paths.postfixConfig, '-e', ...settings]);
      await run(programs.postfix, ['-c', paths.postfixConfig, 'reload'], { env });
    },
    rotateLogs: async () => {
      await run(programs.postfix, ['-c', paths.postfixConfig, 'logrotate'], { env });
      await rename(paths.dovecotLog, `${paths.dovecotLog}.1`);
      await run(programs.doveadm, ['-c', paths.dovecotConfig, 'log', 'reopen']);
    },
    readLogs: () => readLogs(paths),
    stop,
  };
}

async function choosePorts(): Promise<MailServerPorts> {
  const free = await freePorts(10);
  const next = (): number => {
    const port = free.pop();
    if (port === undefined) throw new Error('more ports than were asked for');
    return port;
  };
  return {
    smtp: next(),
    smtpProxied: next(),
    submission: next(),
    submissionProxied: next(),
    imap: next(),
    imapProxied: next(),
    pop3: next(),
    pop3Proxied: next(),
    managesieve: next(),
    managesieveProxied: next(),
  };
}

async function writeConfiguration(
  options: MailServersOptions,
  paths: MailServerPaths,
  ports: MailServerPorts,
): Promise<void> {
  // Both servers switch to their own users, who must be able to reach what is theirs.
  await chmod(paths.root, 0o755);
  for (const folder of ['postfix', 'postfix/etc', 'postfix/queue', 'postfix/data', 'log', 'dovecot', 'tls']) {
    await mkdir(join(paths.root, folder), { mode: 0o755 });
  }
  await mkdir(paths.mail, { mode: 0o755 });
  await chown(paths.mail, mailboxUid, mailboxUid);
  await run('chown', ['postfix', paths.postfixData]);
  await run(programs.openssl, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${options.hostName}`, '-keyout', paths.key, '-out', paths.certificate],
  ]);
  await writeFile(join(paths.postfixConfig, 'main.cf'), mainCf(options, paths));
  await writeFile(join(paths.postfixConfig, 'master.cf'), masterCf(ports));
  for (const [name, text] of Object.entries(postfixTables(options))) {
    await writeFile(join(paths.postfixConfig, name), text);
  }
  await writeFile(paths.dovecotConfig, dovecotConf(options, paths, ports));
  await writeFile(paths.dovecotUsers, dovecotUsers(options), { mode: 0o644 });
}

/**
 * A shell that waits for the end of its standard input, which is ours alone: at `stop()` or when this
 * process is gone, it stops both servers and removes the folder.
 */
function startJanitor(paths: MailServerPaths): ChildProcess {
  const script = `cat >/dev/null
${programs.dovecot} -c "$1/dovecot/dovecot.conf" stop
${programs.postfix} -c "$1/postfix/etc" stop
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e "$1/dovecot/run/master.pid" ] || break; sleep 0.2; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;
  return spawn('/bin/sh', ['-c', script, 'mail-servers-janitor', paths.root], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
}

/**
 * Runs a command that leaves a daemon behind. The daemon would hold a pipe open for ever, so its output
 * goes nowhere; the servers say in their logs what is wrong.
 */
async function runDetached(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, args, { env, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

/** Waits for listeners without connecting to them: a connection would be a line in the log. */
async function waitForPorts(ports: readonly number[]): Promise<void> {
  const end = Date.now() + startTimeoutMs;
  for (;;) {
    const listening = await listeningPorts();
    const missing = ports.filter((port) => !listening.has(port));
    if (missing.length === 0) return;
    if (Date.now() > end) throw new Error(`nothing listens on 127.0.0.1, port ${missing.join(', ')}`);
    await sleep(50);
  }
}

/** Ports in state LISTEN (0A), from the kernel's table. */
async function listeningPorts(): Promise<Set<number>> {
  const table = await readFile('/proc/net/tcp', 'utf8');
  const sockets = table.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(
    sockets
      .filter(([, , , state]) => state === '0A')
      .map(([, local]) => parseInt(local?.slice(-4) ?? '', 16)),
  );
}

async function readLogs(paths: MailServerPaths): Promise<{ postfix: string; dovecot: string }> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return { postfix: await read(paths.postfixLog), dovecot: await read(paths.dovecotLog) };
}
