import { readFile } from 'node:fs/promises';
import { type Server, STATUS_CODES } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ListenAddress } from '#shared/runtime';
import { SourceError } from '../source.ts';
import { type MediaType, mediaTypes } from './body-lines.ts';
import type { Credentials } from './credentials.ts';
import { webhookLimits as limits } from './limits.ts';
import { problemOf, Refusal, type RefusalCode, refusals } from './refusals.ts';

export interface ListenerOptions {
  readonly sourceId: string;
  readonly listen: ListenAddress;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly credentials: Credentials;
  /** Resolves once the body's lines are durable. @throws Refusal */
  readonly accept: (body: Buffer, mediaType: MediaType) => Promise<void>;
  /** Told of each request that was refused. */
  readonly onRefused: (code: RefusalCode) => void;
}

export interface Listener {
  /** The port that is listened on. */
  readonly port: number;
  /** Takes no more requests, and waits a moment for those at work. */
  close(): Promise<void>;
}

/** Errors of Fastify and of Node's HTTP parser, by code; every other one is `webhook.unreadable`. */
const codes: Readonly<Record<string, RefusalCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'webhook.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'webhook.media_type',
  FST_ERR_CTP_INVALID_TYPE: 'webhook.media_type',
  FST_ERR_NOT_FOUND: 'webhook.not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'webhook.not_found',
  HPE_HEADER_OVERFLOW: 'webhook.headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'webhook.timeout',
};

/**
 * Listens for one source: `POST /v1/sources/<id>/events`, and nothing else. Who may send is judged before the
 * body is read, except where the body's signature says it.
 * @throws SourceError `SOURCE_LISTEN_FAILED`
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { listen } = options;
  const app = await createApp(options);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await app.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new SourceError(
      'SOURCE_LISTEN_FAILED',
      `cannot listen on ${listen.host}, port ${listen.port} (${code}); is the address this machine's, and free?`,
    );
  }
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    async close() {
      const timer = setTimeout(() => app.server.closeAllConnections(), limits.closingMs);
      await app.close();
      clearTimeout(timer);
    },
  };
}

async function createApp(options: ListenerOptions): Promise<FastifyInstance> {
  const { sourceId, credentials, accept, onRefused } = options;
  const serverOptions = { maxHeaderSize: limits.headerBytes, connectionsCheckingInterval: 1_000 };
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    ...(options.tls === undefined
      ? { http: serverOptions }
      : { https: { ...serverOptions, ...(await readTls(options.tls)), minVersion: 'TLSv1.2' } }),
    frameworkErrors: (error: { code?: string }, _request: FastifyRequest, reply: FastifyReply) => {
      const { status, headers, body } = refuse(codeOfError(error));
      reply.raw.writeHead(status, headers).end(body);
    },
    clientErrorHandler(error: { code?: string }, socket: import('node:net').Socket) {
      if (error.code === 'ECONNRESET' || socket.destroyed) return;
      const { status, headers, body } = refuse(codeOfError(error));
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      if (socket.writable) {
        socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
      }
      socket.destroy();
    },
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;
  const server = app.server as Server;
  server.headersTimeout = limits.headersMs;
  server.maxConnections = limits.connections;

  function refuse(code: RefusalCode): ReturnType<typeof problemOf> {
    onRefused(code);
    return problemOf(code);
  }
  function answer(reply: FastifyReply, code: RefusalCode): FastifyReply {
    const { status, headers, body } = refuse(code);
    return reply.status(status).headers(headers).serializer(String).send(body);
  }

  app.setErrorHandler((error, _request, reply) => answer(reply, codeOfError(error)));
  app.setNotFoundHandler((_request, reply) => answer(reply, 'webhook.not_found'));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...mediaTypes], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );

  let atWork = 0;
  app.route({
    method: 'POST',
    url: `/v1/sources/${sourceId}/events`,
    async onRequest(request, reply) {
      if (atWork >= limits.concurrentRequests) throw new Refusal('webhook.busy');
      atWork++;
      reply.raw.once('close', () => atWork--);
      if (credentials.check(credentialsOf(request)) === 'refused') throw new Refusal('webhook.unauthorized');
      const encoding = request.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity') throw new Refusal('webhook.media_type');
    },
    async handler(request, reply) {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const sent = credentialsOf(request);
      const isSigned = credentials.check(sent) === 'signature';
      if (isSigned && !credentials.verify(body, sent.signature ?? ''))
        throw new Refusal('webhook.unauthorized');
      const mediaType = mediaTypeOf(request);
      if (body.length > 0) await accept(body, mediaType);
      return reply.status(204).send();
    },
  });
  await app.ready();
  return app;
}

function credentialsOf({ headers }: FastifyRequest) {
  const signature = headers['x-signature'];
  return {
    authorization: headers.authorization,
    signature: typeof signature === 'string' ? signature : undefined,
  };
}

function mediaTypeOf({ headers }: FastifyRequest): MediaType {
  const essence = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return mediaTypes.find((each) => each === essence) ?? 'text/plain';
}

function codeOfError(error: unknown): RefusalCode {
  if (error instanceof Refusal) return error.code;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = codes[code];
  if (known !== undefined) return known;
  return code in refusals ? (code as RefusalCode) : 'webhook.unreadable';
}

async function readTls({ certFile, keyFile }: { certFile: string; keyFile: string }) {
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    return { cert, key };
  } catch {
    throw new SourceError('SOURCE_LISTEN_FAILED', `${certFile} or ${keyFile} cannot be read`);
  }
}
