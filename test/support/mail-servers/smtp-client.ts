import { type ConnectOptions, LineConnection } from './line-connection.ts';

export interface SmtpReply {
  readonly code: number;
  /** Text of the last line. */
  readonly text: string;
}

export interface SmtpEnvelope {
  /** Empty for the null reverse-path. */
  readonly from: string;
  readonly to: readonly string[];
  /** The message as sent, lines ended by CRLF, without the final dot. */
  readonly message: string;
  /** Ask for SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8?: boolean;
}

export interface SmtpResult {
  readonly mail: SmtpReply;
  /** Reply to each RCPT, in the order of `to`. */
  readonly recipients: readonly SmtpReply[];
  /** Reply to the message itself; absent where every recipient was refused. */
  readonly data?: SmtpReply;
}

/** Client identity that Postfix's XCLIENT command sets. */
export interface XclientIdentity {
  readonly ip: string;
  readonly port: number;
  /** Absent: a client without a name (`[UNAVAILABLE]`). */
  readonly name?: string;
}

/** One SMTP or submission session, driven command by command. */
export class SmtpClient {
  readonly #connection: LineConnection;

  private constructor(connection: LineConnection) {
    this.#connection = connection;
  }

  /** Connects and says EHLO. */
  static async open(options: ConnectOptions & { readonly helo: string }): Promise<SmtpClient> {
    const client = new SmtpClient(await LineConnection.open(options));
    client.#expect(await client.#readReply(), 220);
    await client.#ehlo(options.helo);
    return client;
  }

  async xclient(identity: XclientIdentity, helo: string): Promise<void> {
    const ip = identity.ip.includes(':') ? `IPV6:${identity.ip}` : identity.ip;
    const name = identity.name ?? '[UNAVAILABLE]';
    this.#expect(await this.command(`XCLIENT NAME=${name} ADDR=${ip} PORT=${identity.port}`), 220);
    await this.#ehlo(helo);
  }

  /** Sends what the original client of a relayed message was. */
  async xforward(identity: XclientIdentity): Promise<void> {
    const ip = identity.ip.includes(':') ? `IPV6:${identity.ip}` : identity.ip;
    const name = identity.name ?? '[UNAVAILABLE]';
    this.#expect(await this.command(`XFORWARD NAME=${name} ADDR=${ip} PORT=${identity.port}`), 250);
  }

  async startTls(helo: string): Promise<void> {
    this.#expect(await this.command('STARTTLS'), 220);
    await this.#connection.startTls();
    await this.#ehlo(helo);
  }

  /** AUTH PLAIN. The reply is the caller's to judge: a wrong password is a test, too. */
  authenticate(user: string, password: string): Promise<SmtpReply> {
    return this.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  async send(envelope: SmtpEnvelope): Promise<SmtpResult> {
    const utf8 = envelope.smtpUtf8 === true ? ' SMTPUTF8' : '';
    const mail = await this.command(`MAIL FROM:<${envelope.from}>${utf8}`);
    const recipients: SmtpReply[] = [];
    for (const address of envelope.to) recipients.push(await this.command(`RCPT TO:<${address}>`));
    if (mail.code !== 250 || !recipients.some((reply) => reply.code === 250)) {
      await this.command('RSET');
      return { mail, recipients };
    }
    this.#expect(await this.command('DATA'), 354);
    const stuffed = envelope.message.replace(/^\./gm, '..');
    return { mail, recipients, data: await this.command(`${stuffed}\r\n.`) };
  }

  async command(line: string): Promise<SmtpReply> {
    this.#connection.write(line);
    return this.#readReply();
  }

  async quit(): Promise<void> {
    await this.command('QUIT');
    await this.#connection.close();
  }

  /** Goes away without QUIT. */
  drop(): Promise<void> {
    return this.#connection.close();
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  async #ehlo(helo: string): Promise<void> {
    this.#expect(await this.command(`EHLO ${helo}`), 250);
  }

  async #readReply(): Promise<SmtpReply> {
    for (;;) {
      const line = await this.#connection.readLine();
      if (line.charAt(3) !== '-') return { code: Number(line.slice(0, 3)), text: line.slice(4) };
    }
  }

  #expect(reply: SmtpReply, code: number): void {
    if (reply.code !== code) throw new Error(`SMTP reply ${reply.code} ${reply.text}, not ${code}`);
  }
}

/** Postfix's queue id from its reply to a message: `2.0.0 Ok: queued as 4cZ…`. */
export function queueIdOf(reply: SmtpReply): string {
  const match = /queued as (\w+)$/.exec(reply.text);
  if (match?.[1] === undefined) throw new Error(`no queue id in ${reply.text}`);
  return match[1];
}
