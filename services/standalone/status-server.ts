import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { privateModes } from '#shared/runtime';

/** Longest path of a Unix socket on Linux, less its closing zero; macOS has a few less. */
const maxSocketPath = 103;

export class StatusSocketError extends Error {
  readonly code = 'status.path_too_long';
  constructor() {
    super(
      `the path of the data folder is too long for a socket; use one of at most ${maxSocketPath - 15} bytes`,
    );
    this.name = 'StatusSocketError';
  }
}

/**
 * Status for whoever may enter the data folder: HTTP on a Unix socket that only the service's own user can
 * open. No personal data: counts, positions, reasons.
 * @param answer gives the JSON of a path, or undefined where there is none
 */
export async function serveStatus(
  socketPath: string,
  answer: (path: string) => unknown,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(socketPath) > maxSocketPath) throw new StatusSocketError();
  // Left there by a killed process; that no other one runs on this folder, the ledger's lock has shown.
  await rm(socketPath, { force: true });
  const server = createServer((request, response) => {
    const found = request.method === 'GET' ? answer(request.url ?? '') : undefined;
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { code: 'request.not_found' }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, privateModes.file);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
