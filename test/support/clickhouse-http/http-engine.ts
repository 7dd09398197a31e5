import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Session } from 'chdb';
import { answerWith, refuseWith } from './answer.ts';
import { EngineRefusal, type EngineRequest, readRequest } from './request.ts';

export interface HttpEngine {
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpEngineOptions {
  /** Who may come in, with which password; without the list it is `default` without one. */
  readonly users?: Readonly<Record<string, string>>;
  /** PEM. With `clientCa` a client must have a certificate that this authority signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** 0 is any free one. */
  readonly port?: number;
  /** Arguments of the engine, such as `--config-file=…`. */
  readonly engineArguments?: readonly string[];
}

/**
 * The real engine behind as much of ClickHouse's HTTP interface as the client uses, for machines without a
 * ClickHouse server: users, settings and `param_*` in the address, sessions, gzip both ways, streams, the
 * headers with summary, query id and error code, errors before and after the first bytes in the form of
 * ClickHouse 25.11 and later. `SYSTEM RELOAD CONFIG` opens the engine anew between two requests. Folders are
 * bound to a process: one engine at a time.
 */
export async function startHttpEngine(folder: string, options: HttpEngineOptions = {}): Promise<HttpEngine> {
  const { users = { default: '' }, tls, port = 0, engineArguments = [] } = options;
  // Holds the engine open; each request has a session of its own on it, as it has on a server.
  let engine = new Session(folder, { connectionArgs: engineArguments });
  const named = new Map<string, Session>();
  const gate = new ReloadGate();

  const listener: RequestListener = (request, response) => {
    void serve(request, response).catch((error: unknown) => refuseWith(response, error));
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && /^\/(ping)?(\?.*)?$/.test(request.url ?? '') && !hasQuery(request)) {
      response.end('Ok.\n');
      return;
    }
    const asked = await readRequest(request);
    // 516 is AUTHENTICATION_FAILED.
    if (!Object.hasOwn(users, asked.user) || users[asked.user] !== asked.password) {
      throw new EngineRefusal(516, 'Authentication failed: password is incorrect, or there is no such user');
    }
    if (/^\s*SYSTEM RELOAD CONFIG\s*$/i.test(asked.statement)) {
      await gate.alone(reopen);
      response.end();
      return;
    }
    await gate.among(() => answer(asked, response));
  }

  /** What a server does in place: the engine in a process reads its configuration at its opening alone. */
  function reopen(): void {
    for (const session of named.values()) session.close();
    named.clear();
    engine.close();
    engine = new Session(folder, { connectionArgs: engineArguments });
  }

  async function answer(asked: EngineRequest, response: ServerResponse): Promise<void> {
    const session = sessionOf(asked.sessionId);
    try {
      if (asked.assignments.length > 0) await session.queryAsync(`SET ${asked.assignments.join(', ')}`);
      if (asked.database !== null) await session.queryAsync(`USE \`${asked.database.replaceAll('`', '')}\``);
      await answerWith(session, asked, response);
    } finally {
      if (asked.sessionId === null) session.close();
    }
  }

  function sessionOf(id: string | null): Session {
    const known = id === null ? undefined : named.get(id);
    if (known !== undefined) return known;
    const session = new Session(folder);
    if (id !== null) named.set(id, session);
    return session;
  }

  const server = tls
    ? createTlsServer(
        {
          cert: tls.cert,
          key: tls.key,
          ...(tls.clientCa === undefined
            ? {}
            : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
        },
        listener,
      )
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const session of named.values()) session.close();
      engine.close();
    },
  };
}

/** Many at a time, or one alone, which waits for those that are under way; those that come meanwhile wait for it. */
class ReloadGate {
  #under = 0;
  #reloading: Promise<void> = Promise.resolve();
  #idle: (() => void) | null = null;

  async among<T>(work: () => Promise<T>): Promise<T> {
    for (let known: Promise<void> | null = null; known !== this.#reloading; ) {
      known = this.#reloading;
      await known;
    }
    this.#under += 1;
    try {
      return await work();
    } finally {
      this.#under -= 1;
      if (this.#under === 0) this.#idle?.();
    }
  }

  alone(work: () => void): Promise<void> {
    const before = this.#reloading;
    this.#reloading = (async () => {
      await before;
      if (this.#under > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
      this.#idle = null;
      work();
    })();
    return this.#reloading;
  }
}

const hasQuery = (request: IncomingMessage): boolean =>
  new URL(request.url ?? '/', 'http://localhost').searchParams.has('query');
