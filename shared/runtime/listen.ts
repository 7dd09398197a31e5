import type { Server } from 'node:net';
import type { ListenAddress } from './listen-address.ts';

/**
 * Listens, and resolves to the port that it got, where 0 was asked for. Rejects with the system's error where
 * the address cannot be had.
 */
export async function listenOn(server: Server, address: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => resolve());
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
}
