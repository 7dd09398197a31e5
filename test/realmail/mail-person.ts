import {
  ImapClient,
  type MailServers,
  ManageSieveClient,
  Pop3Client,
  type ProxiedClient,
  queueIdOf,
  SmtpClient,
  type SmtpReply,
} from '../support/mail-servers/index.ts';
import type { Expectations } from './expectations.ts';
import type { ExpectedEvent } from './expected-event.ts';
import { fateOf, hostName, localRecipients, type Place } from './world.ts';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
  readonly smtpUtf8?: boolean;
}

/** Does what people and foreign servers do, and notes the events that must come of it. */
export class MailPerson {
  readonly #servers: MailServers;
  readonly #expectations: Expectations;
  #messages = 0;
  #port = 20_000;

  constructor(servers: MailServers, expectations: Expectations) {
    this.#servers = servers;
    this.#expectations = expectations;
  }

  /** Submits mail after STARTTLS and AUTH, as `mail.from`. */
  async submit(place: Place, mail: Mail, password: string): Promise<void> {
    const proxied = this.#proxied(place, 587);
    const helo = 'client.example.nl';
    const client = await SmtpClient.open({ port: this.#servers.ports.submissionProxied, helo, proxied });
    await client.startTls(helo);
    check(await client.authenticate(mail.from, password), 235);
    await this.#send(client, mail, {
      senderIp: place.ip,
      senderPort: proxied.port,
      originHostIp: place.ip,
      senderUser: mail.from,
      tls: true,
      service: 'submission',
    });
    await client.quit();
  }

  /** Hands in mail as a foreign mail exchanger, whose address and name XCLIENT gives. */
  async receive(place: Place, mail: Mail): Promise<void> {
    const port = this.#nextPort();
    const helo = place.name ?? 'localhost';
    const client = await SmtpClient.open({ port: this.#servers.ports.smtp, helo, localAddress: '127.0.0.5' });
    await client.xclient({ ...place, port }, helo);
    const name = place.name === undefined ? {} : { originHostName: place.name };
    const origin = { senderIp: place.ip, senderPort: port, originHostIp: place.ip, ...name };
    await this.#send(client, mail, { ...origin, service: 'smtp' });
    await client.quit();
  }

  async failSubmission(place: Place, user: string): Promise<void> {
    const proxied = this.#proxied(place, 587);
    const { submissionProxied } = this.#servers.ports;
    const client = await SmtpClient.open({ port: submissionProxied, helo: 'client.example.nl', proxied });
    check(await client.authenticate(user, 'a planted wrong password'), 535);
    await client.quit();
    this.#expectations.add('session.login_failed', 'postfix', {
      service: 'submission',
      senderUser: user,
      senderIp: place.ip,
      clientIp: place.ip,
      clientPort: proxied.port,
    });
  }

  /** Reads a whole mailbox over IMAP. @returns the messages' lines. */
  async readImap(place: Place, user: string, password: string): Promise<string[]> {
    const proxied = this.#proxied(place, 143);
    const client = await ImapClient.open({
      port: this.#servers.ports.imapProxied,
      proxied,
      user,
      password,
      tls: true,
    });
    if (client === null) throw new Error('the login was refused');
    const count = await client.select('INBOX');
    const lines = count > 0 ? await client.fetchBodies('1:*') : [];
    await client.logout();
    this.#expectations.session('imap', place, user, count > 0);
    return lines;
  }

  /** Reads the first message over POP3. */
  async readPop3(place: Place, user: string, password: string): Promise<void> {
    const proxied = this.#proxied(place, 110);
    const client = await Pop3Client.open({ port: this.#servers.ports.pop3Proxied, proxied, user, password });
    if (client === null) throw new Error('the login was refused');
    const count = await client.count();
    if (count > 0) await client.retrieve(1);
    await client.quit();
    this.#expectations.session('pop3', place, user, count > 0);
  }

  async visitSieve(place: Place, user: string, password: string): Promise<void> {
    const proxied = this.#proxied(place, 4190);
    const { managesieveProxied } = this.#servers.ports;
    const client = await ManageSieveClient.open({ port: managesieveProxied, proxied, user, password });
    if (client === null) throw new Error('the login was refused');
    await client.logout();
    this.#expectations.session('managesieve', place, user, false);
  }

  async failLogin(protocol: 'imap' | 'pop3', place: Place, user: string): Promise<void> {
    const login = { user, password: 'a planted wrong password' };
    const { ports } = this.#servers;
    const client =
      protocol === 'imap'
        ? await ImapClient.open({ port: ports.imapProxied, proxied: this.#proxied(place, 143), ...login })
        : await Pop3Client.open({ port: ports.pop3Proxied, proxied: this.#proxied(place, 110), ...login });
    if (client !== null) throw new Error('a wrong password was accepted');
    this.#expectations.add('session.login_failed', 'dovecot', {
      service: protocol,
      recipientUser: user,
      clientIp: place.ip,
    });
  }

  async #send(client: SmtpClient, mail: Mail, origin: Partial<ExpectedEvent>): Promise<void> {
    const messageId = `${++this.#messages}.real@${hostName}`;
    const message = `Message-ID: <${messageId}>\r\nSubject: ${mail.subject}\r\n\r\n${mail.body}`;
    const utf8 = mail.smtpUtf8 === undefined ? {} : { smtpUtf8: mail.smtpUtf8 };
    const result = await client.send({ from: mail.from, to: mail.to, message, ...utf8 });
    check(result.mail, 250);
    const sender = mail.from === '' ? { senderNull: true as const } : { senderAddress: mail.from };
    const accepted = mail.to.filter((_, i) => result.recipients[i]?.code === 250);
    mail.to.forEach((recipientAddress, i) => {
      const code = result.recipients[i]?.code ?? 0;
      if (code === 250) return;
      const { tls: _, ...client } = origin;
      this.#expectations.add('message.rejected', 'postfix', {
        ...client,
        ...sender,
        recipientAddress,
        replyCode: code,
      });
    });
    if (result.data === undefined) return;
    check(result.data, 250);
    const finals = accepted.flatMap(localRecipients);
    const queueId = queueIdOf(result.data);
    const { tls, service, ...who } = origin;
    const known = {
      ...who,
      ...sender,
      queueId,
      messageId,
      recipientCount: finals.length,
      correlation: 'complete' as const,
    };
    this.#expectations.add('message.accepted', 'postfix', {
      ...known,
      ...(service === undefined ? {} : { service }),
      ...(tls === undefined ? {} : { tls }),
    });
    for (const given of accepted)
      for (const final of localRecipients(given)) this.#expectations.delivery(known, given, final);
    if (accepted.some((recipient) => fateOf(recipient) === 'refused')) this.#expectations.report(mail.from);
  }

  #proxied(place: Place, serverPort: number): ProxiedClient {
    const serverIp = place.ip.includes(':') ? '2001:db8::25' : '198.51.100.1';
    return { ip: place.ip, port: this.#nextPort(), serverIp, serverPort };
  }

  #nextPort(): number {
    return ++this.#port;
  }
}

function check(reply: SmtpReply, code: number): void {
  if (reply.code !== code) throw new Error(`answered ${reply.code} ${reply.text}, not ${code}`);
}
