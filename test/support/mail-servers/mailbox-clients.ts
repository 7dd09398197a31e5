import { type ConnectOptions, LineConnection } from './line-connection.ts';

/*
 * Small clients of the three ways to a mailbox. `open` gives null where the server refused the login; the
 * connection is then closed, as a mail program closes it.
 */

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** STARTTLS before the login. */
export interface SecureOption {
  readonly tls?: boolean;
}

type LoginOptions = ConnectOptions & Credentials & SecureOption;

export class ImapClient {
  readonly #connection: LineConnection;
  #tag = 0;

  private constructor(connection: LineConnection) {
    this.#connection = connection;
  }

  static async open(options: LoginOptions): Promise<ImapClient | null> {
    const client = new ImapClient(await LineConnection.open(options));
    await client.#connection.readLine();
    if (options.tls === true) {
      await client.command('STARTTLS');
      await client.#connection.startTls();
    }
    const reply = await client.command(`LOGIN "${options.user}" "${options.password}"`);
    if (reply.status === 'OK') return client;
    await client.logout();
    return null;
  }

  /** Number of messages in a mailbox, which stays selected. */
  async select(mailbox: string): Promise<number> {
    const { lines } = await this.command(`SELECT ${mailbox}`);
    const exists = lines.map((line) => /^\* (\d+) EXISTS$/.exec(line)?.[1]).find((n) => n !== undefined);
    return Number(exists ?? 0);
  }

  /** Fetches whole messages (`1:*`). @returns the lines of the answer. */
  async fetchBodies(set: string): Promise<string[]> {
    return (await this.command(`FETCH ${set} (BODY.PEEK[])`)).lines;
  }

  async command(text: string): Promise<{ status: string; lines: string[] }> {
    const tag = `a${++this.#tag}`;
    this.#connection.write(`${tag} ${text}`);
    const lines: string[] = [];
    for (;;) {
      const line = await this.#connection.readLine();
      if (line.startsWith(`${tag} `)) return { status: line.split(' ')[1] ?? '', lines };
      lines.push(line);
    }
  }

  async logout(): Promise<void> {
    await this.command('LOGOUT');
    await this.#connection.close();
  }

  /** Goes away without LOGOUT. */
  drop(): Promise<void> {
    return this.#connection.close();
  }
}

export class Pop3Client {
  readonly #connection: LineConnection;

  private constructor(connection: LineConnection) {
    this.#connection = connection;
  }

  static async open(options: LoginOptions): Promise<Pop3Client | null> {
    const client = new Pop3Client(await LineConnection.open(options));
    await client.#connection.readLine();
    if (options.tls === true) {
      await client.command('STLS');
      await client.#connection.startTls();
    }
    await client.command(`USER ${options.user}`);
    const reply = await client.command(`PASS ${options.password}`);
    if (reply.startsWith('+OK')) return client;
    await client.quit();
    return null;
  }

  /** Number of messages. */
  async count(): Promise<number> {
    return Number((await this.command('STAT')).split(' ')[1] ?? 0);
  }

  /** A whole message. @param number counts from 1. */
  async retrieve(number: number): Promise<string[]> {
    const reply = await this.command(`RETR ${number}`);
    if (!reply.startsWith('+OK')) throw new Error(`POP3 RETR: ${reply}`);
    const lines: string[] = [];
    for (
      let line = await this.#connection.readLine();
      line !== '.';
      line = await this.#connection.readLine()
    ) {
      lines.push(line);
    }
    return lines;
  }

  command(text: string): Promise<string> {
    this.#connection.write(text);
    return this.#connection.readLine();
  }

  async quit(): Promise<void> {
    await this.command('QUIT');
    await this.#connection.close();
  }
}

export class ManageSieveClient {
  readonly #connection: LineConnection;

  private constructor(connection: LineConnection) {
    this.#connection = connection;
  }

  static async open(options: ConnectOptions & Credentials): Promise<ManageSieveClient | null> {
    const client = new ManageSieveClient(await LineConnection.open(options));
    await client.#readReply();
    const secret = Buffer.from(`\0${options.user}\0${options.password}`).toString('base64');
    const reply = await client.command(`AUTHENTICATE "PLAIN" "${secret}"`);
    if (reply === 'OK') return client;
    await client.logout();
    return null;
  }

  async command(text: string): Promise<string> {
    this.#connection.write(text);
    return this.#readReply();
  }

  async logout(): Promise<void> {
    await this.command('LOGOUT');
    await this.#connection.close();
  }

  async #readReply(): Promise<string> {
    for (;;) {
      const line = await this.#connection.readLine();
      const status = /^(OK|NO|BYE)\b/.exec(line)?.[1];
      if (status !== undefined) return status;
    }
  }
}
