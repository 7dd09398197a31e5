/** A row of the table of refusals. */
interface RefusalRow {
  /** HTTP status. */
  readonly status: number;
  /** RFC 9457 title. */
  readonly title: string;
  /** What the sender's operator can do. */
  readonly action: string;
  /** Seconds after which the same request may succeed (`Retry-After`). */
  readonly retryAfter?: number;
}

/** Everything that the listener refuses, by its stable code. The guide for operators lists exactly these. */
export const refusals = {
  'webhook.unauthorized': {
    status: 401,
    title: 'Not authenticated',
    action: 'Send one of the secrets that the source is configured with, or sign the body with it.',
  },
  'webhook.not_found': {
    status: 404,
    title: 'No such source here',
    action: 'POST to /v1/sources/<id>/events with the id of the source that listens here.',
  },
  'webhook.media_type': {
    status: 415,
    title: 'Media type not supported',
    action: 'Send application/json, application/x-ndjson or text/plain, without a content encoding.',
  },
  'webhook.too_large': {
    status: 413,
    title: 'Body too large',
    action: 'Send at most 1,048,576 bytes and 10,000 lines in one request.',
  },
  'webhook.headers_too_large': {
    status: 431,
    title: 'Headers too large',
    action: 'Shorten the headers; all of them together have at most 16,384 bytes.',
  },
  'webhook.timeout': {
    status: 408,
    title: 'Request too slow',
    action: 'Send the headers within 5 seconds and the whole request within 10.',
  },
  'webhook.unreadable': {
    status: 400,
    title: 'Request unreadable',
    action: 'Send a well-formed HTTP request whose body is as long as it says.',
  },
  'webhook.busy': {
    status: 503,
    title: 'Too many requests at a time',
    action: 'Send the request again; nothing of it was kept.',
    retryAfter: 1,
  },
  'webhook.spool_full': {
    status: 503,
    title: 'Spool full',
    action: 'Send the request again later; nothing of it was kept. The bus does not take what is spooled.',
    retryAfter: 10,
  },
  'webhook.spool_unavailable': {
    status: 503,
    title: 'Spool cannot be written',
    action: 'Send the request again later; nothing of it was kept. Look at the disk of the collector.',
    retryAfter: 30,
  },
} as const satisfies Record<string, RefusalRow>;
export type RefusalCode = keyof typeof refusals;

/** A request that is refused. Says nothing of what was sent. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode) {
    super(code);
    this.code = code;
  }
}

/** The answer: status, headers and an RFC 9457 problem document. */
export function problemOf(code: RefusalCode): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const { status, title, action, retryAfter }: RefusalRow = refusals[code];
  const body = JSON.stringify({ type: `urn:griffie:error:${code}`, title, status, detail: action, code });
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      connection: 'close',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer, Basic realm="griffie"' } : {}),
    },
    body,
  };
}
