import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';
import { listenOn } from './listen.ts';
import type { ListenAddress } from './listen-address.ts';

export interface HealthServer {
  /** The port that it got, where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Whoever can connect may ask: no more than this at once, and none for long. */
const maxConnections = 64;
const requestMs = 5000;

/**
 * For supervisors and Prometheus: `/health/live` answers while the process turns, `/health/ready` says
 * whether it can do its work, and which check says no; `/metrics`. No personal data in any of them.
 */
export async function serveHealth(
  address: ListenAddress,
  { health, metrics }: { readonly health: Health; readonly metrics: Registry },
): Promise<HealthServer> {
  const pages: Readonly<Record<string, (response: ServerResponse) => Promise<void> | void>> = {
    '/health/live': (response) => sendJson(response, 200, { status: 'live' }),
    '/health/ready': (response) => {
      const checks = health.results();
      const ready = Object.values(checks).every(({ ok }) => ok);
      sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', checks });
    },
    '/metrics': async (response) => {
      const text = await metrics.metrics();
      response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
      response.end(text);
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = pages[request.url ?? ''];
    if (page === undefined) return sendJson(response, 404, { code: 'request.not_found' });
    if (request.method !== 'GET') return sendJson(response, 405, { code: 'request.method' });
    await page(response);
  }

  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs },
    (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = maxConnections;
  const port = await listenOn(server, address);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(value)}\n`);
}
