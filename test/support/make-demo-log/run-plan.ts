import { setTimeout as sleep } from 'node:timers/promises';
import {
  ImapClient,
  type MailServers,
  ManageSieveClient,
  Pop3Client,
  type ProxiedClient,
  queueIdOf,
  SmtpClient,
} from '../mail-servers/index.ts';
import type { Facts } from './facts.ts';
import { type Machine, passwordOf } from './people.ts';
import { type Action, greylistedPrefix, refusedPrefix } from './plan.ts';
import type { Random } from './random.ts';

/** What the outside servers answer to a recipient: see `fateOf` in facts. */
export function relayReply(recipient: string, attempt: number): string | null {
  if (recipient.startsWith(refusedPrefix)) return '550 5.1.1 no such user here';
  if (recipient.startsWith(greylistedPrefix) && attempt === 1) return '450 4.2.0 greylisted, come back later';
  return null;
}

/** Does one action against the running servers and notes what was done. */
export class PlanRunner {
  readonly #servers: MailServers;
  readonly #facts: Facts;
  readonly #random: Random;
  #messages = 0;

  constructor(servers: MailServers, facts: Facts, random: Random) {
    this.#servers = servers;
    this.#facts = facts;
    this.#random = random;
  }

  async run(action: Action): Promise<void> {
    if (action.kind === 'submit') await this.#submit(action);
    else if (action.kind === 'inbound') await this.#inbound(action);
    else if (action.kind === 'session') await this.#session(action);
    else await this.#failedLogin(action);
  }

  async #submit(action: Action & { kind: 'submit' }): Promise<void> {
    const helo = action.machine.name ?? '[127.0.0.1]';
    const client = await this.#smtp(this.#servers.ports.submissionProxied, 587, action.machine, helo);
    await client.startTls(helo);
    expectCode(await client.authenticate(action.from, passwordOf(action.from)), 235);
    await this.#send(client, action, action.to, action.from);
    await client.quit();
  }

  async #inbound(action: Action & { kind: 'inbound' }): Promise<void> {
    const helo = action.machine.name ?? 'localhost';
    const client = await this.#smtp(this.#servers.ports.smtpProxied, 25, action.machine, helo);
    await this.#send(client, action, [...action.to, ...(action.refused ?? [])]);
    await client.quit();
  }

  async #send(
    client: SmtpClient,
    action: Action & { kind: 'submit' | 'inbound' },
    to: readonly string[],
    user?: string,
  ): Promise<void> {
    const utf8 = action.kind === 'submit' && action.utf8 === true;
    const { from, machine } = action;
    const messageId = `${String(++this.#messages).padStart(4, '0')}.demo@${from.split('@')[1] ?? 'example.nl'}`;
    const filler = 'Lorem ipsum dolor sit amet.\r\n'.repeat(this.#random.int(1, 40));
    const message = `Message-ID: <${messageId}>\r\nSubject: demo\r\n\r\n${filler}`;
    const result = await client.send({ from, to, message, smtpUtf8: utf8 });
    expectCode(result.mail, 250);
    const refused = action.kind === 'inbound' ? (action.refused ?? []) : [];
    result.recipients.forEach((reply, i) => {
      const recipient = to[i] ?? '';
      const isRefused = refused.includes(recipient);
      if (isRefused !== reply.code >= 500) throw new Error(`${recipient} was answered ${reply.code}`);
      if (isRefused) this.#facts.rejected(from, recipient, machine.ip);
    });
    if (result.data === undefined) return;
    expectCode(result.data, 250);
    this.#facts.message({
      messageId,
      queueId: queueIdOf(result.data),
      from,
      clientIp: machine.ip,
      ...(user === undefined ? {} : { user }),
      recipients: to.filter((recipient) => !refused.includes(recipient)),
    });
  }

  async #session(action: Action & { kind: 'session' }): Promise<void> {
    const { protocol, user, machine, tls } = action;
    const { ports } = this.#servers;
    const login = { user, password: passwordOf(user), tls };
    if (protocol === 'imap') {
      const client = await ImapClient.open({
        port: ports.imapProxied,
        ...login,
        proxied: this.#from(machine, 143),
      });
      const count = (await client?.select('INBOX')) ?? 0;
      if (count > 0 && action.fetch > 0)
        await client?.fetchBodies(`${Math.max(1, count - action.fetch + 1)}:${count}`);
      await sleep(action.holdMs);
      await required(client).logout();
    } else if (protocol === 'pop3') {
      const client = await Pop3Client.open({
        port: ports.pop3Proxied,
        ...login,
        proxied: this.#from(machine, 110),
      });
      const count = Math.min((await client?.count()) ?? 0, action.fetch);
      for (let number = 1; number <= count; number++) await client?.retrieve(number);
      await required(client).quit();
    } else {
      const proxied = this.#from(machine, 4190);
      const client = await ManageSieveClient.open({ port: ports.managesieveProxied, ...login, proxied });
      await required(client).logout();
    }
    this.#facts.login({ protocol, clientIp: machine.ip, user });
  }

  async #failedLogin(action: Action & { kind: 'failedLogin' }): Promise<void> {
    const { protocol, user, machine } = action;
    const { ports } = this.#servers;
    const login = { user, password: 'a wrong guess' };
    if (protocol === 'submission') {
      const client = await this.#smtp(ports.submissionProxied, 587, machine, 'localhost');
      await client.startTls('localhost');
      expectCode(await client.authenticate(user, login.password), 535);
      await client.quit();
    } else {
      const client =
        protocol === 'imap'
          ? await ImapClient.open({ port: ports.imapProxied, ...login, proxied: this.#from(machine, 143) })
          : await Pop3Client.open({ port: ports.pop3Proxied, ...login, proxied: this.#from(machine, 110) });
      if (client !== null) throw new Error('a wrong password was accepted');
    }
    this.#facts.failedLogin({ protocol, clientIp: machine.ip, user });
  }

  #smtp(port: number, publicPort: number, machine: Machine, helo: string): Promise<SmtpClient> {
    return SmtpClient.open({ port, helo, proxied: this.#from(machine, publicPort) });
  }

  #from(machine: Machine, serverPort: number): ProxiedClient {
    const serverIp = machine.ip.includes(':') ? '2001:db8::25' : '198.51.100.1';
    return { ip: machine.ip, port: this.#random.int(32_768, 60_999), serverIp, serverPort };
  }
}

function expectCode(reply: { code: number; text: string }, code: number): void {
  if (reply.code !== code) throw new Error(`answered ${reply.code} ${reply.text}, not ${code}`);
}

function required<T>(client: T | null): T {
  if (client === null) throw new Error('the login was refused');
  return client;
}
