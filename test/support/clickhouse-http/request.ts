import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** What a server says no with: a code of ClickHouse's own and a text. */
export class EngineRefusal extends Error {
  readonly clickhouseCode: number;
  constructor(clickhouseCode: number, message: string) {
    super(message);
    this.clickhouseCode = clickhouseCode;
  }
}

/** A request as ClickHouse's HTTP interface reads it. */
export interface EngineRequest {
  readonly user: string;
  readonly password: string;
  readonly database: string | null;
  readonly sessionId: string | null;
  readonly queryId: string | null;
  readonly format: string;
  /** Answer only once the statement is over. */
  readonly waits: boolean;
  readonly compressed: boolean;
  /** `name = 'value'` of each setting and parameter. */
  readonly assignments: readonly string[];
  /** From the address, else the body. */
  readonly statement: string;
  /** What follows the statement: the body, where the statement stands in the address. */
  readonly data: Buffer | null;
}

/** Parameters of the interface itself; every other one is a setting. */
const ownParameters = new Set([
  'query',
  'database',
  'user',
  'password',
  'default_format',
  'session_id',
  'session_timeout',
  'session_check',
  'query_id',
  'quota_key',
  'role',
  'compress',
  'decompress',
  'wait_end_of_query',
  'buffer_size',
]);

export async function readRequest(request: IncomingMessage): Promise<EngineRequest> {
  const search = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = Buffer.concat(chunks);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  const inAddress = search.get('query');
  const accepts = String(request.headers['accept-encoding'] ?? '').includes('gzip');
  return {
    ...whoOf(request, search),
    database: search.get('database'),
    sessionId: search.get('session_id'),
    queryId: search.get('query_id'),
    format: search.get('default_format') ?? 'TabSeparated',
    waits: search.get('wait_end_of_query') === '1',
    compressed: search.get('enable_http_compression') === '1' && accepts,
    assignments: [...search]
      .filter(([name]) => !ownParameters.has(name) && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      .map(([name, value]) => `${name} = '${value.replace(/[\\']/g, '\\$&')}'`),
    statement: inAddress ?? body.toString('utf8'),
    data: inAddress === null || body.length === 0 ? null : body,
  };
}

/** Headers of ClickHouse's own, HTTP Basic, or the address, in that order. */
function whoOf(request: IncomingMessage, search: URLSearchParams): { user: string; password: string } {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const user = header('x-clickhouse-user');
  if (user !== undefined) return { user, password: header('x-clickhouse-key') ?? '' };
  const basic = /^Basic (.+)$/.exec(header('authorization') ?? '')?.[1];
  if (basic !== undefined) {
    const [name = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { user: name, password: rest.join(':') };
  }
  return { user: search.get('user') ?? 'default', password: search.get('password') ?? '' };
}
