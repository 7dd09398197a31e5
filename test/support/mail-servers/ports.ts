import { createServer } from 'node:net';

/** Below the ports that the kernel hands out by itself (Linux: from 32768), which other tests ask for. */
const range = { from: 20_000, to: 32_000 } as const;
const maxTries = 1_000;

/** Ports that this process was given before: two pairs of servers side by side take different ones. */
const taken = new Set<number>();

/**
 * Free TCP ports on 127.0.0.1, all different. Another process could take one before it is used, and then
 * the server says so and does not start; the range and the random choice make that rare.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries >= maxTries) throw new Error('no free ports');
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const holder = createServer();
    holder.once('error', () => resolve(false));
    holder.listen(port, '127.0.0.1', () => holder.close(() => resolve(true)));
  });
}
