import { randomUUID } from 'node:crypto';
import { link, lstat, open, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { platform } from 'node:os';
import { join } from 'node:path';

/*
 * A lock on a folder: a Unix socket in it, on which its holder listens.
 *
 * Node has no flock. A file with a process id cannot tell a live owner from a number that was used again,
 * and not at all across containers that share the folder. A listening socket can: the kernel stops
 * listening when its process ends, however it ends, and a connection is refused from then on.
 *
 * The name is taken by link(2), which never replaces, so that of two that start together one wins. A dead
 * socket is moved aside first; who moved a live one by mistake, in the instant in which another took over,
 * puts it back and gives up. The holder can see whether the name is still its own.
 *
 * Limits: one machine (its containers included). On a network file system another machine sees a socket
 * that refuses, and takes over; the folder must be local. The file system must take sockets.
 */

const lockName = 'lock';

export interface FolderLock {
  /** Whether the name is still this holder's. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** @returns null where a live process has the lock. @throws the system's error where there is no folder. */
export async function lockFolder(folder: string): Promise<FolderLock | null> {
  // A socket's path has at most 107 bytes; through the folder's descriptor it is short however deep that lies.
  const handle = await open(folder, 'r');
  const short = platform() === 'linux' ? `/proc/self/fd/${handle.fd}` : folder;
  const own = `${lockName}.${randomUUID().slice(0, 8)}`;
  const server = createServer((connection) => connection.destroy());
  const giveUp = async () => {
    await stop(server);
    await rm(join(folder, own), { force: true });
    await handle.close();
  };
  let taken: boolean;
  try {
    await listen(server, join(short, own));
    taken = await takeName(folder, short, own);
  } catch (error) {
    await giveUp();
    throw error;
  }
  if (!taken) {
    await giveUp();
    return null;
  }
  const { ino } = await lstat(join(folder, own), { bigint: true });
  // From here on only `lock` names the socket.
  await rm(join(folder, own), { force: true });
  const isHeld = async () => {
    const stats = await lstat(join(folder, lockName), { bigint: true }).catch(() => undefined);
    return stats?.ino === ino;
  };
  return {
    isHeld,
    release: async () => {
      if (await isHeld()) await rm(join(folder, lockName), { force: true });
      await giveUp();
    },
  };
}

async function takeName(folder: string, short: string, own: string): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await link(join(folder, own), join(folder, lockName));
      return true;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
    if (await isListening(join(short, lockName))) return false;
    const aside = `${own}.stale`;
    try {
      await rename(join(folder, lockName), join(folder, aside));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      continue;
    }
    if (await isListening(join(short, aside))) {
      await link(join(folder, aside), join(folder, lockName)).catch(() => {});
      await rm(join(folder, aside), { force: true });
      return false;
    }
    await rm(join(folder, aside), { force: true });
  }
  return false;
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Any other failure (a full backlog, no permission) is no proof of death.
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '')));
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => {});
      // The lock alone keeps no process running.
      server.unref();
      resolve();
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;
