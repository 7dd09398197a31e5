import { createServer } from 'node:net';

/**
 * Free TCP ports on 127.0.0.1, all different. They are held together until all are known; between their
 * release and their use another process could take one, and then the server says so and does not start.
 */
export async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      holders.map(
        (holder) =>
          new Promise<number>((resolve, reject) => {
            holder.once('error', reject);
            holder.listen(0, '127.0.0.1', () => {
              const address = holder.address();
              if (address === null || typeof address === 'string') reject(new Error('no port'));
              else resolve(address.port);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  }
}
