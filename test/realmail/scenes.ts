import { setTimeout as sleep } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import type { MailServers } from '../support/mail-servers/index.ts';
import type { Expectations } from './expectations.ts';
import { MailPerson } from './mail-person.ts';
import { type Place, users } from './world.ts';

export const home: Place = { ip: '192.0.2.14' };
export const mobile: Place = { ip: '2001:db8:51::14' };
export const partner: Place = { ip: '198.51.100.25', name: 'mail.example.org' };
export const partner6: Place = { ip: '2001:db8:25::25', name: 'mail6.example.org' };
export const stranger: Place = { ip: '203.0.113.66' };

/** Words of every message; every password and every outside reply has the first of them, too. */
export const planted = { subject: 'planted subject', body: 'planted body text' };

export const passwordOf = (address: string): string => {
  const user = users.find((candidate) => candidate.address === address);
  if (user === undefined) throw new Error(`nobody is called ${address}`);
  return user.password;
};

/** What happens: fixed scenes for each kind of event, and rounds of everyday mail. */
export class Scenes {
  readonly #servers: MailServers;
  readonly #expectations: Expectations;
  readonly #person: MailPerson;

  constructor(servers: MailServers, expectations: Expectations) {
    this.#servers = servers;
    this.#expectations = expectations;
    this.#person = new MailPerson(servers, expectations);
  }

  /** Mail programs that other people wrote: nodemailer submits, imapflow reads. */
  async #usualPrograms(): Promise<void> {
    const user = 'emma@example.nl';
    const auth = { user, pass: passwordOf(user) };
    const { submission, imap } = this.#servers.ports;
    const transport = createTransport({
      host: '127.0.0.1',
      port: submission,
      auth,
      tls: { rejectUnauthorized: false },
    });
    const to = 'emma@example.net';
    const info = await transport.sendMail({ from: user, to, subject: planted.subject, text: planted.body });
    const queueId = /queued as (\w+)/.exec(info.response)?.[1] ?? '';
    const messageId = info.messageId.slice(1, -1);
    const known = { queueId, messageId, senderIp: '127.0.0.1', senderUser: user, senderAddress: user };
    const client = new ImapFlow({
      host: '127.0.0.1',
      port: imap,
      secure: false,
      auth,
      logger: false,
      tls: { rejectUnauthorized: false },
    });
    await client.connect();
    await client.logout();
    const session = {
      software: 'dovecot',
      service: 'imap',
      recipientUser: user,
      clientIp: '127.0.0.1',
    } as const;
    this.#expectations.events.push(
      { type: 'message.accepted', software: 'postfix', ...known, service: 'submission', tls: true },
      { type: 'message.delivered', software: 'postfix', ...known, recipientAddress: to, outcome: 'sent' },
      { type: 'message.delivered', software: 'dovecot', messageId, recipientUser: to },
      { type: 'session.login', ...session, tls: true },
      { type: 'session.logout', ...session, tls: true },
    );
  }

  async fixedScenes(): Promise<void> {
    await this.#submit(home, 'alice@example.nl', ['bob@example.nl']);
    await this.#submit(mobile, 'alice@example.nl', ['bob@example.nl', 'carol@example.net', 'x@example.org']);
    await this.#submit(home, 'bob@example.nl', ['info@example.nl', 'david+tag@example.net']);
    await this.#submit(home, 'carol@example.nl', ['jürgen@example.org'], true);
    await this.#submit(home, 'carol@example.nl', ['nosuch@example.org', 'alice@example.nl']);
    await this.#submit(home, 'david@example.nl', ['grey-one@example.org']);
    await this.#submit(mobile, 'david@example.nl', ['friend@down.example']);
    await this.#receive(partner, 'adam@example.org', ['alice@example.nl']);
    await this.#receive(partner6, 'bea@example.org', ['alice+news@example.nl', 'info@example.nl']);
    await this.#receive(partner, '', ['bob@example.net']);
    await this.#receive(stranger, 'win@prize.example', ['nobody@example.nl']);
    await this.#receive(stranger, 'win@prize.example', ['victim@elsewhere.example']);
    await this.#receive(partner, 'adam@example.org', ['gone@example.nl', 'emma@example.nl']);
    await this.#person.failSubmission(stranger, 'alice@example.nl');
    await this.#person.failLogin('imap', stranger, 'alice@example.nl');
    await this.#person.failLogin('pop3', stranger, 'nobody@example.nl');
    await this.#person.visitSieve(home, 'alice@example.nl', passwordOf('alice@example.nl'));
    await this.#usualPrograms();
  }

  async everydayMail(round: number): Promise<void> {
    const addresses = users.map((user) => user.address);
    const pick = (n: number): string => addresses[(round * 7 + n * 3) % addresses.length] ?? '';
    await Promise.all([
      this.#submit(round % 2 ? home : mobile, pick(0), [...new Set([pick(1), pick(2)])]),
      this.#submit(home, pick(3), [`grey-${round}@example.org`, pick(4)]),
      this.#receive(round % 2 ? partner : partner6, 'adam@example.org', [pick(5)]),
      this.#receive(stranger, 'win@prize.example', [`nobody-${round}@example.nl`]),
      this.#person.readImap(mobile, pick(6), passwordOf(pick(6))),
      this.#person.readPop3(home, pick(7), passwordOf(pick(7))),
    ]);
  }

  /** Greylisted mail is tried again; what is for a server that is down is given up. */
  async emptyQueue(rounds: number): Promise<void> {
    const greylisted = rounds + 1;
    const down = 1;
    await this.#servers.waitForQueue(greylisted + down);
    await this.#servers.flushQueue();
    await this.#servers.waitForQueue(down);
    await this.#servers.reconfigurePostfix({ maximal_queue_lifetime: '1s', bounce_queue_lifetime: '1s' });
    await sleep(1500);
    await this.#servers.flushQueue();
    await this.#servers.waitForQueue(0);
    const given = this.#expectations.events.find(
      (event) => event.senderIp === mobile.ip && event.senderAddress === 'david@example.nl',
    );
    if (given === undefined) throw new Error('nothing was sent to the server that is down');
    this.#expectations.expiry(given);
  }

  /** At the end: mailboxes are read. @returns the lines of Alice's mail. */
  async readMail(): Promise<string[]> {
    await this.#person.readPop3(mobile, 'bob@example.nl', passwordOf('bob@example.nl'));
    return this.#person.readImap(home, 'alice@example.nl', passwordOf('alice@example.nl'));
  }

  #submit(place: Place, from: string, to: readonly string[], smtpUtf8?: true): Promise<void> {
    const mail = { from, to, ...planted, ...(smtpUtf8 ? { smtpUtf8 } : {}) };
    return this.#person.submit(place, mail, passwordOf(from));
  }

  #receive(place: Place, from: string, to: readonly string[]): Promise<void> {
    return this.#person.receive(place, { from, to, ...planted });
  }
}
