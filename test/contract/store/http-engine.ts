import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Session } from 'chdb';

export interface HttpEngine {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The real engine behind as much of ClickHouse's HTTP interface as the client uses, for machines without a
 * ClickHouse server: statements in the body or in `query` with the data as body, `param_*`, error codes.
 * Settings in the address are ignored, as are users.
 */
export async function startHttpEngine(folder: string): Promise<HttpEngine> {
  const session = new Session(folder);
  const server = createServer((request, response) => {
    void respond(session, request).then(
      (body) => response.end(body),
      (error: unknown) => {
        const { clickhouseCode = 1, message } = error as { clickhouseCode?: number; message: string };
        response.statusCode = 500;
        response.setHeader('X-ClickHouse-Exception-Code', String(clickhouseCode));
        response.end(`Code: ${clickhouseCode}. DB::Exception: ${message} (SOME_ERROR)`);
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      session.close();
    },
  };
}

async function respond(session: Session, request: IncomingMessage): Promise<Uint8Array> {
  const search = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const statement = [search.get('query'), Buffer.concat(chunks).toString('utf8')].filter(Boolean).join('\n');
  const parameters: Record<string, string> = {};
  for (const [name, value] of search) {
    if (name.startsWith('param_')) parameters[name.slice('param_'.length)] = unescaped(value);
  }
  const result =
    Object.keys(parameters).length === 0
      ? await session.queryAsync(statement)
      : await session.queryBindAsync(statement, parameters);
  return result.bytes();
}

/** Parameters come in the TabSeparated form of a value. */
function unescaped(value: string): string {
  const characters: Record<string, string> = { t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', 0: '\0' };
  return value.replace(/\\(.)/gs, (_, char: string) => characters[char] ?? char);
}
