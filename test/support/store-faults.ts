import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one insert on its way to the store. */
export type StoreFault =
  /** ClickHouse answers with this code; nothing is applied. */
  | { readonly kind: 'code'; readonly code: number }
  /** It is applied, and the connection ends before the answer. */
  | { readonly kind: 'lost-answer' }
  /** It is applied, and the connection ends in the midst of the answer. */
  | { readonly kind: 'half-answer' }
  /** Nothing is applied, and the answer says 200 and has the exception in its body. */
  | { readonly kind: 'late-exception'; readonly code: number }
  /** Nothing is applied; a load balancer answers, with a page. */
  | { readonly kind: 'gateway' };

export interface InsertSeen {
  /** Its deduplication token. */
  readonly token: string;
  readonly fault: StoreFault['kind'] | 'none';
  /** `performance.now()` */
  readonly at: number;
}

/** An HTTP proxy in front of a store, through which inserts meet faults. All else passes. */
export interface StoreProxy {
  readonly url: string;
  /** The next inserts meet these, one each, in this order. */
  inject(faults: readonly StoreFault[]): void;
  /** Refuses connections and ends those that are open, until `open`. */
  refuse(): Promise<void>;
  open(): Promise<void>;
  /** Holds inserts back before they are applied, until what it returns is called. */
  hold(): () => void;
  /** Resolves once nothing that came is still under way to the store. */
  settled(): Promise<void>;
  /** Inserts that came, in order. */
  readonly seen: readonly InsertSeen[];
  close(): Promise<void>;
}

/** @param url the store's */
export async function startStoreProxy(url: string): Promise<StoreProxy> {
  const faults: StoreFault[] = [];
  const seen: InsertSeen[] = [];
  const underWay = new Set<Promise<void>>();
  let gate: Promise<void> = Promise.resolve();
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;

  async function listen(at: number): Promise<Server> {
    const opened = createServer((incoming, outgoing) => {
      const answered = respond(incoming, outgoing).catch(() => void outgoing.destroy());
      underWay.add(answered);
      void answered.then(() => underWay.delete(answered));
    });
    opened.listen(at, '127.0.0.1');
    await once(opened, 'listening');
    return opened;
  }

  async function end(): Promise<void> {
    if (!server.listening) return;
    const ended = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await ended;
  }

  async function respond(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const query = new URL(incoming.url ?? '/', url).searchParams.get('query') ?? body.toString('utf8');
    if (!/^\s*INSERT/i.test(query)) {
      await pass(incoming, body, outgoing);
      return;
    }
    const fault = faults.shift();
    const token = /insert_deduplication_token = '([^']+)'/.exec(query)?.[1] ?? '';
    seen.push({ token, fault: fault?.kind ?? 'none', at: performance.now() });
    await gate;
    await meet(fault, incoming, body, outgoing);
  }

  async function meet(
    fault: StoreFault | undefined,
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
  ): Promise<void> {
    switch (fault?.kind) {
      case undefined:
        return pass(incoming, body, outgoing);
      case 'code':
        outgoing.writeHead(500, { 'X-ClickHouse-Exception-Code': String(fault.code) });
        outgoing.end(exception(fault.code));
        return;
      case 'late-exception':
        outgoing.writeHead(200, { 'X-ClickHouse-Exception-Tag': 'faults' });
        outgoing.end(`__exception__\r\nfaults\r\n${exception(fault.code)}\r\n`);
        return;
      case 'gateway':
        outgoing.writeHead(503, { 'Content-Type': 'text/html' });
        outgoing.end('<html><body><h1>503 Service Unavailable</h1></body></html>');
        return;
      case 'lost-answer':
        await forward(incoming, body);
        outgoing.destroy();
        return;
      case 'half-answer':
        await forward(incoming, body);
        outgoing.writeHead(200, { 'Content-Length': '100' });
        outgoing.write('\n');
        setTimeout(() => outgoing.destroy(), 50);
        return;
    }
  }

  async function pass(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const { status, headers, answer } = await forward(incoming, body);
    outgoing.writeHead(status, headers);
    outgoing.end(answer);
  }

  async function forward(incoming: IncomingMessage, body: Buffer) {
    const { 'transfer-encoding': _, connection: __, ...headers } = incoming.headers;
    const sent = request(new URL(incoming.url ?? '/', url), {
      method: incoming.method ?? 'POST',
      headers: { ...headers, 'content-length': String(body.byteLength) },
      agent: false,
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const { 'transfer-encoding': ___, connection: ____, ...answered } = response.headers;
    return { status: response.statusCode ?? 500, headers: answered, answer: Buffer.concat(chunks) };
  }

  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async settled() {
      await Promise.all(underWay);
    },
    inject: (more) => void faults.push(...more),
    refuse: end,
    async open() {
      server = await listen(port);
    },
    hold() {
      let release: () => void = () => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
    close: end,
  };
}

/** The form of ClickHouse's own messages. It quotes a value, as theirs do: none of it may be repeated. */
const exception = (code: number): string =>
  `Code: ${code}. DB::Exception: injected, at row 1: planted-value@example.nl. (INJECTED) (version 26.7.1.1)\n`;
