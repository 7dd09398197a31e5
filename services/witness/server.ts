import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { sizeMediaType, type WitnessRefusal } from '#shared/ledger';
import { type Clock, codeOf, type ListenAddress, type Logger, listenOn } from '#shared/runtime';
import { witnessLimits } from './limits.ts';
import { RateLimit } from './rate.ts';
import type { Witness } from './witness.ts';

/** HTTP status of each refusal, as C2SP tlog-witness has it. */
const statuses: Readonly<Record<WitnessRefusal, number>> = {
  'witness.malformed': 400,
  'witness.unknown_log': 404,
  'witness.not_by_log': 403,
  'witness.other_size': 409,
  'witness.forked': 409,
  'witness.bad_proof': 422,
};

/** The second is our own: a log that changed its key shows the receipt of that (docs/auditors.md). */
const paths = { checkpoint: '/add-checkpoint', rotation: '/add-key-rotation' } as const;
const plain = 'text/plain; charset=utf-8';

export interface WitnessServer {
  /** The port that it got, where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** `add-checkpoint` over HTTP. What is said there is public and signed, so TLS is left to a proxy. */
export async function serveWitness(
  address: ListenAddress,
  { witness, clock, logger }: { readonly witness: Witness; readonly clock: Clock; readonly logger: Logger },
): Promise<WitnessServer> {
  const rate = new RateLimit(clock);
  let atWork = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isRotation = request.url === paths.rotation;
    if (!isRotation && request.url !== paths.checkpoint) return send(response, 404, 'request.not_found\n');
    if (request.method !== 'POST') return send(response, 405, 'request.method\n', { allow: 'POST' });
    if (!rate.allows(request.socket.remoteAddress ?? '')) return sendLater(response, 429, 'request.rate\n');
    if (atWork >= witnessLimits.atWork) return sendLater(response, 503, 'request.overloaded\n');
    atWork++;
    try {
      const body = await readBody(request);
      if (body === null) return send(response, 413, 'request.too_large\n', { connection: 'close' });
      if (isRotation) {
        const refusal = await witness.follow(body);
        return send(response, refusal === null ? 200 : statuses[refusal], `${refusal ?? 'ok'}\n`);
      }
      const answered = await witness.add(body);
      if (answered.ok) return send(response, 200, answered.line);
      const { reason, knownSize } = answered;
      if (knownSize === undefined) return send(response, statuses[reason], `${reason}\n`);
      return send(response, statuses[reason], `${knownSize}\n`, { 'content-type': sizeMediaType });
    } finally {
      atWork--;
    }
  }

  const server = createServer(
    {
      maxHeaderSize: witnessLimits.headerBytes,
      requestTimeout: witnessLimits.requestMs,
      headersTimeout: witnessLimits.requestMs,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        // A caller that went away has no answer to get.
        if (request.destroyed && !request.complete) return;
        logger.error({ code: codeOf(error) }, 'a checkpoint could not be kept, and was not cosigned');
        if (response.headersSent) response.destroy();
        else send(response, 500, 'witness.unavailable\n');
      });
    },
  );
  server.maxConnections = witnessLimits.connections;
  const port = await listenOn(server, address);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

/** @returns null where it is longer than the bound. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > witnessLimits.bodyBytes) return null;
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': plain, 'cache-control': 'no-store', ...headers });
  response.end(text);
}

const sendLater = (response: ServerResponse, status: number, text: string): void =>
  send(response, status, text, { 'retry-after': '1' });
