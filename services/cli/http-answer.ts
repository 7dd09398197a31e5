import { CliError, unavailable } from './errors.ts';

/** Bounds of what is read from a service. Bytes and milliseconds. */
export const clientLimits = {
  /** Without an answer, or within one without a byte. */
  idleMs: 30_000,
  jsonBytes: 16 * 1024 * 1024,
  /** A full entry bundle of the ledger: 256 entries of the greatest length. */
  ledgerFileBytes: 256 * (2 + 65_535),
} as const;

/** An answer, its body still to be read. */
export interface Answer {
  readonly response: Response;
  readonly chunks: AsyncGenerator<Uint8Array>;
}

/** Aborts a request that nothing came of for a while. */
export interface IdleTimer {
  readonly signal: AbortSignal;
  /** Something came: the time runs from here. */
  touch(): void;
  stop(): void;
}

export function startIdleTimer(): IdleTimer {
  const controller = new AbortController();
  const expire = (): void => controller.abort(new DOMException('no byte in time', 'TimeoutError'));
  let timer = setTimeout(expire, clientLimits.idleMs);
  return {
    signal: controller.signal,
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(expire, clientLimits.idleMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** The body as it comes; the time runs only while bytes are waited for. */
export async function* chunksOf(
  response: Response,
  idle: IdleTimer,
  service: string,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read();
      if (next === undefined || next.done) return;
      idle.stop();
      yield next.value;
      idle.touch();
    }
  } catch (error) {
    throw error instanceof CliError ? error : unreachable(service, error);
  } finally {
    idle.stop();
    await reader?.cancel().catch(() => {});
  }
}

/** The whole body, of at most `maxBytes`. */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  service: string,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) {
      throw unavailable(
        'service.too_large',
        `the service at ${service} sent more than it may; check the URL`,
      );
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** JSON, or undefined where it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Names the system's code, never a message: those of `fetch` may hold what was sent. */
export function unreachable(service: string, error: unknown): CliError {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    const seconds = clientLimits.idleMs / 1000;
    return unavailable(
      'service.timeout',
      `the service at ${service} did not answer within ${seconds} seconds; try again later`,
    );
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return unavailable(
    'service.unreachable',
    `the service at ${service} cannot be reached${code}; check that it runs, its URL and your network`,
  );
}

/** What answers is no Griffie, or one of another version. */
export function unexpected(service: string, status: number): CliError {
  return unavailable(
    'service.unexpected_answer',
    `${service} answered ${status}, and not as Griffie does; check the URL`,
  );
}
