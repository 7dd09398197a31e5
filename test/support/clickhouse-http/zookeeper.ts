import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const pom = fileURLToPath(new URL('./zookeeper.pom.xml', import.meta.url));
const jars = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'griffie', 'zookeeper-3.9.4');

export type ZookeeperAvailability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Whether a coordination service can be started: Java, and Maven for its jars, which are kept. */
export function zookeeperAvailable(): ZookeeperAvailability {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
  } catch {
    return { ok: false, reason: 'needs Java 17 or newer' };
  }
  if (existsSync(jars)) return { ok: true };
  // Atomically: two runs may fetch at the same time, and one that was cut short leaves nothing behind.
  const partial = `${jars}.${process.pid}`;
  mkdirSync(dirname(jars), { recursive: true });
  try {
    execFileSync(
      'mvn',
      [
        '--quiet',
        '--batch-mode',
        '--file',
        pom,
        'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
        '-DincludeScope=runtime',
        `-DoutputDirectory=${partial}`,
      ],
      { stdio: 'ignore', timeout: 300_000 },
    );
    renameSync(partial, jars);
  } catch {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(jars)) return { ok: false, reason: 'needs Maven, which fetches ZooKeeper’s jars' };
  }
  return { ok: true };
}

export interface Zookeeper {
  readonly port: number;
  stop(): Promise<void>;
}

/** One ZooKeeper on loopback, whose protocol ClickHouse Keeper speaks too. */
export async function startZookeeper(): Promise<Zookeeper> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-zookeeper-'));
  const port = await freePort();
  const config = join(folder, 'zoo.cfg');
  const lines = [
    'tickTime=2000',
    `dataDir=${join(folder, 'data')}`,
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    'admin.enableServer=false',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  const child = spawn('java', ['-Xmx256m', '-cp', `${jars}/*`, main, config], { stdio: 'ignore' });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  for (let i = 0; !(await answers(port)); i++) {
    if (i > 600 || child.exitCode !== null) throw new Error('ZooKeeper did not start');
    await sleep(100);
  }
  return {
    port,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      process.off('exit', endWithUs);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether it serves: it takes connections before that, and drops them. */
function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'));
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(answer.includes('Mode:')));
  });
}

/** A port below the kernel's own range, so that no connection of this machine takes it meanwhile. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((settle) => {
      server.once('error', () => settle(false));
      server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
    });
    if (isFree) return port;
  }
}
