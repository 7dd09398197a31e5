import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Session } from 'chdb';
import type { EngineRequest } from './request.ts';

/** Sixteen characters that end the part of an answer that is no data (ClickHouse 25.11 and later). */
const exceptionTag = 'griffieexception';

/** Runs the statement and answers with what it gives, as it comes. */
export async function answerWith(
  session: Session,
  asked: EngineRequest,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('X-ClickHouse-Query-Id', asked.queryId ?? randomUUID());
  response.setHeader('X-ClickHouse-Format', asked.format);
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  response.setHeader('X-ClickHouse-Exception-Tag', exceptionTag);
  const chunks = run(session, asked, (summary) => {
    if (!response.headersSent) response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary));
  });
  // A statement that fails before its first bytes is answered with a status of its own.
  const first = await chunks.next();
  const whole: Uint8Array[] = [];
  if (asked.waits && !first.done) {
    whole.push(first.value);
    for await (const chunk of chunks) whole.push(chunk);
  }
  if (asked.compressed) response.setHeader('Content-Encoding', 'gzip');
  const out: Writable = asked.compressed ? createGzip() : response;
  if (out !== response) out.pipe(response);
  try {
    if (asked.waits) for (const chunk of whole) await send(out, chunk, response);
    else if (!first.done) {
      await send(out, first.value, response);
      for await (const chunk of chunks) await send(out, chunk, response);
    }
  } catch (error) {
    if (response.destroyed) return;
    const message = `${messageOf(error)}\n`;
    const length = Buffer.byteLength(message);
    out.write(
      `\r\n__exception__\r\n${exceptionTag}\r\n${message}${length} ${exceptionTag}\r\n__exception__\r\n`,
    );
  }
  out.end();
}

/** Waits until the client has taken it; one that went away ends the query. */
async function send(out: Writable, chunk: Uint8Array, response: ServerResponse): Promise<void> {
  if (response.destroyed) throw new Error('the client went away');
  if (out.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      out.off('drain', go);
      response.off('close', go);
      resolve();
    };
    out.once('drain', go);
    response.once('close', go);
  });
}

interface Summary {
  readonly read_rows: string;
  readonly written_rows: string;
  readonly elapsed_ns: string;
}

async function* run(
  session: Session,
  { statement, data, format }: EngineRequest,
  summarise: (summary: Summary) => void,
): AsyncGenerator<Uint8Array> {
  const started = process.hrtime.bigint();
  const done = (read: number, written: number): void =>
    summarise({
      read_rows: String(read),
      written_rows: String(written),
      elapsed_ns: String(process.hrtime.bigint() - started),
    });
  const insertion = data === null ? null : parseInsertion(statement);
  if (data !== null && insertion !== null) {
    if (insertion.settings !== '') await session.queryAsync(`SET ${insertion.settings}`);
    const { table, columns } = insertion;
    const { rowsWritten } = await session.insert({ table, columns, values: data, format: 'JSONEachRow' });
    done(0, rowsWritten);
    return;
  }
  const text = data === null ? statement : `${statement}\n${data.toString('utf8')}`;
  if (/^\s*(SELECT|WITH)\b/i.test(text)) {
    done(0, 0);
    for await (const chunk of session.queryStream(text, { format })) yield chunk.raw();
    return;
  }
  const result = await session.queryAsync(text, { format });
  done(result.rowsRead, 0);
  yield result.bytes();
}

/** Our own inserts go in as the bytes that they came as; what bytes are no UTF-8 is the engine's to judge. */
function parseInsertion(
  statement: string,
): { table: string; columns: readonly string[]; settings: string } | null {
  const parts =
    /^\s*INSERT INTO ([\w.]+) \(([\w, ]+)\)(?: SETTINGS ((?:\w+ = (?:\d+|'[\w-]*')(?:, )?)+))? FORMAT JSONEachRow\s*$/.exec(
      statement,
    );
  if (parts === null) return null;
  const [, table = '', columns = '', settings = ''] = parts;
  return { table, columns: columns.split(', '), settings: settings.trim() };
}

/** Statuses of ClickHouse's `exceptionCodeToHTTPStatus`, as far as the tests meet them. */
const statuses: Readonly<Record<number, number>> = {
  27: 400,
  47: 400,
  60: 404,
  62: 400,
  81: 404,
  497: 403,
  516: 403,
};

/** An error before the first bytes. */
export function refuseWith(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = codeOf(error);
  response.statusCode = statuses[code] ?? 500;
  response.removeHeader('Content-Encoding');
  response.setHeader('X-ClickHouse-Exception-Code', String(code));
  response.end(`${messageOf(error)}\n`);
}

function codeOf(error: unknown): number {
  const { clickhouseCode, message } = error as { clickhouseCode?: number; message: string };
  return clickhouseCode ?? Number(/^Code: (\d+)\. /.exec(message)?.[1] ?? 1002); // 1002 is UNKNOWN_EXCEPTION
}

function messageOf(error: unknown): string {
  const { message } = error as { message: string };
  const prefix = `Code: ${codeOf(error)}. `;
  const named = message.startsWith(prefix) ? message : `${prefix}DB::Exception: ${message}`;
  return /\([A-Z_]+\)$/.test(named) ? named : `${named} (UNKNOWN_EXCEPTION)`;
}
