import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { codeOf, privateModes } from '#shared/runtime';

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
 * @param answer gives the JSON of a path, or a promise of it; undefined where there is none
 */
export async function serveStatus(
  socketPath: string,
  answer: (path: string) => unknown,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(socketPath) > maxSocketPath) throw new StatusSocketError();
  // Left there by a killed process; that no other one runs on this folder, the ledger's lock has shown.
  await rm(socketPath, { force: true });
  const server = createServer(async (request, response) => {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    try {
      const found = request.method === 'GET' ? await answer(request.url ?? '') : undefined;
      if (found === undefined) send(404, { code: 'request.not_found' });
      else send(200, found);
    } catch (error) {
      send(503, { code: codeOf(error) });
    }
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
