import { connect as connectTcp, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const replyTimeoutMs = 30_000;

/** The client that a PROXY protocol header (version 1) announces. */
export interface ProxiedClient {
  readonly ip: string;
  readonly port: number;
  /** The address the client is said to have connected to; same family as `ip`. */
  readonly serverIp: string;
  readonly serverPort: number;
}

export interface ConnectOptions {
  readonly port: number;
  readonly host?: string;
  /** The loopback address to connect from. */
  readonly localAddress?: string;
  readonly proxied?: ProxiedClient;
}

/** A line-based protocol's client side: SMTP, IMAP, POP3, ManageSieve. */
export class LineConnection {
  #socket: Socket;
  #buffer = '';
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async open(options: ConnectOptions): Promise<LineConnection> {
    const host = options.host ?? '127.0.0.1';
    const local = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
    const socket = connectTcp({ host, port: options.port, ...local });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const connection = new LineConnection(socket);
    if (options.proxied !== undefined) connection.write(proxyHeader(options.proxied));
    return connection;
  }

  /** The client's own port. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  write(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** The next line without its end. @throws where the server is silent for too long, or has gone. */
  async readLine(): Promise<string> {
    const deadline = Date.now() + replyTimeoutMs;
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return line;
      }
      if (this.#ended) throw new Error('the server closed the connection');
      if (Date.now() > deadline) throw new Error('the server does not answer');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Begins TLS on the connection; the certificate is the test's own and is not checked. */
  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
    this.#socket = secure;
    this.#listen(secure);
  }

  /** Closes and waits until the server has closed its side too, so that what it logs of it is on its way. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), 5000);
    await closed;
    clearTimeout(timer);
  }

  #listen(socket: Socket): void {
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      this.#buffer += chunk;
      this.#wake();
    });
    const ended = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', ended);
  }
}

/** PROXY protocol version 1, without its line end. */
function proxyHeader(client: ProxiedClient): string {
  const family = isIPv6(client.ip) ? 'TCP6' : 'TCP4';
  return `PROXY ${family} ${client.ip} ${client.serverIp} ${client.port} ${client.serverPort}`;
}
