import { createServer, type Socket } from 'node:net';

/** A message that the sink took. */
export interface SunkMessage {
  readonly from: string;
  readonly to: readonly string[];
}

export interface SmtpSink {
  readonly port: number;
  readonly messages: readonly SunkMessage[];
  stop(): Promise<void>;
}

export interface SmtpSinkOptions {
  readonly host: string;
  readonly port?: number;
  readonly name: string;
  /**
   * Reply to a recipient, e.g. `550 5.1.1 no such user`; null takes it.
   * @param attempt counts from 1, per recipient.
   */
  readonly reply?: (recipient: string, attempt: number) => string | null;
}

/** The "outside" to relay to: an SMTP server that takes, defers or refuses recipients, and keeps nothing. */
export async function startSmtpSink(options: SmtpSinkOptions): Promise<SmtpSink> {
  const messages: SunkMessage[] = [];
  const attempts = new Map<string, number>();
  const open = new Set<Socket>();
  const replyTo = (recipient: string): string => {
    const attempt = (attempts.get(recipient) ?? 0) + 1;
    attempts.set(recipient, attempt);
    return options.reply?.(recipient, attempt) ?? '250 2.1.5 Ok';
  };
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, options.name, replyTo, (message) => messages.push(message));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sink has no port');
  return {
    port: address.port,
    messages,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(
  socket: Socket,
  name: string,
  replyTo: (recipient: string) => string,
  take: (message: SunkMessage) => number,
): void {
  let buffer = '';
  let from = '';
  let to: string[] = [];
  let inData = false;
  const say = (line: string): void => {
    socket.write(`${line}\r\n`);
  };
  const handle = (line: string): void => {
    if (inData) {
      if (line !== '.') return;
      inData = false;
      const queueName = `S${String(take({ from, to })).padStart(6, '0')}`;
      say(`250 2.0.0 Ok: queued as ${queueName}`);
      return;
    }
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') {
      say(`250-${name}`);
      say('250-SMTPUTF8');
      say('250-8BITMIME');
      say('250 ENHANCEDSTATUSCODES');
    } else if (verb === 'MAIL') {
      from = pathOf(line);
      to = [];
      say('250 2.1.0 Ok');
    } else if (verb === 'RCPT') {
      const reply = replyTo(pathOf(line));
      if (reply.startsWith('250')) to.push(pathOf(line));
      say(reply);
    } else if (verb === 'DATA') {
      inData = to.length > 0;
      say(inData ? '354 go ahead' : '554 5.5.1 no valid recipients');
    } else if (verb === 'QUIT') {
      say('221 2.0.0 Bye');
      socket.end();
    } else {
      say('250 2.0.0 Ok');
    }
  };
  say(`220 ${name} ESMTP`);
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    buffer += chunk;
    for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
      handle(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
    }
  });
}

const pathOf = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? '';
