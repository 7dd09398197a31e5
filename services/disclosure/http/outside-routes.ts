import { STATUS_CODES } from 'node:http';
import type { FastifyServerOptions } from 'fastify';
import type { NoiseCounter } from '../control/noise.ts';
import { ApiError, type ErrorCode, problemDocument, statusOf } from '../errors.ts';
import { mediaTypes } from '../limits.ts';

/** On every answer: it is kept by no cache, and no browser takes it for a page. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/** Errors of the router and of Node's HTTP parser, by code; every other one is `request.unreadable`. */
const codes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_MAX_PARAM_LENGTH: 'request.not_found',
  HPE_HEADER_OVERFLOW: 'request.headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request.timeout',
};

/**
 * Answers to what never gets to a route, for Fastify's options: its own ones repeat the path, which may name
 * a person, and are no problem documents. All of it is noise.
 */
export function outsideRoutes(
  noise: NoiseCounter,
): Required<Pick<FastifyServerOptions, 'frameworkErrors' | 'clientErrorHandler'>> {
  const problemOf = (error: { readonly code?: string }) => {
    const code = codes[error.code ?? ''] ?? 'request.unreadable';
    noise.add(code);
    return { status: statusOf(code), body: JSON.stringify(problemDocument(new ApiError(code))) };
  };
  return {
    frameworkErrors: (error, _request, reply) => {
      const { status, body } = problemOf(error);
      reply.raw.writeHead(status, headersFor(body)).end(body);
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || socket.destroyed) return;
      const { status, body } = problemOf(error);
      const lines = Object.entries({ ...headersFor(body), connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      if (socket.writable) {
        socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
      }
      socket.destroy();
    },
  };
}

const headersFor = (body: string): Readonly<Record<string, string>> => ({
  ...securityHeaders,
  'content-type': mediaTypes.problem,
  'content-length': String(Buffer.byteLength(body)),
});
