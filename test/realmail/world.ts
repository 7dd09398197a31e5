import {
  type MailServers,
  type MailUser,
  type SmtpSink,
  startMailServers,
  startSmtpSink,
} from '../support/mail-servers/index.ts';
import type { ExpectedEvent } from './expected-event.ts';

/*
 * The world of the real-mail tests: two local domains with mailboxes, aliases, and the outside, where a
 * recipient's name says what its server does.
 */

export const hostName = 'mx1.example.nl';
const localDomains = ['example.nl', 'example.net'];

export const users: readonly MailUser[] = ['alice', 'bob', 'carol', 'david', 'emma'].flatMap((name) =>
  localDomains.map((domain) => ({ address: `${name}@${domain}`, password: `planted password of ${name}` })),
);
export const aliases: Readonly<Record<string, readonly string[]>> = {
  'info@example.nl': ['alice@example.nl', 'bob@example.nl'],
};

export const isLocal = (address: string): boolean =>
  localDomains.some((domain) => address.endsWith(`@${domain}`));
export const localRecipients = (address: string): readonly string[] => aliases[address] ?? [address];

/** Where a client is; the servers see this address, on connections that really come from loopback. */
export interface Place {
  readonly ip: string;
  readonly name?: string;
}

/** What the outside does with a recipient. */
export function fateOf(address: string): 'taken' | 'refused' | 'greylisted' | 'down' {
  if (address.endsWith('@down.example')) return 'down';
  if (address.startsWith('nosuch')) return 'refused';
  return address.startsWith('grey') ? 'greylisted' : 'taken';
}

/** Where mail to an outside address is handed over. */
export type Relays = (address: string) => Pick<ExpectedEvent, 'deliveryHostIp' | 'deliveryHostPort'>;

export interface World {
  readonly servers: MailServers;
  readonly sink: SmtpSink;
  readonly relays: Relays;
  stop(): Promise<void>;
}

/** How the servers are set up where operators differ. */
export interface Variant {
  /** Zone of both servers' log times. */
  readonly timeZone: string;
  /** Postfix's `enable_long_queue_ids`. */
  readonly longQueueIds: boolean;
}

export async function startWorld(variant: Variant): Promise<World> {
  const sink = await startSmtpSink({
    host: '127.0.0.20',
    name: 'mx.example.org',
    reply: (recipient, attempt) => {
      const fate = fateOf(recipient);
      if (fate === 'refused') return '550 5.1.1 planted reply text';
      return fate === 'greylisted' && attempt === 1 ? '450 4.2.0 planted reply text' : null;
    },
  });
  const servers = await startMailServers({
    hostName,
    domains: localDomains,
    users,
    aliases,
    timeZone: variant.timeZone,
    postfix: { enable_long_queue_ids: variant.longQueueIds ? 'yes' : 'no' },
    relays: {
      'example.org': { host: '127.0.0.20', port: sink.port },
      // Nothing listens on the discard port of this address.
      'down.example': { host: '127.0.0.29', port: 9 },
    },
  }).catch(async (error: unknown) => {
    await sink.stop();
    throw error;
  });
  return {
    servers,
    sink,
    relays: () => ({ deliveryHostIp: '127.0.0.20', deliveryHostPort: sink.port }),
    stop: async () => {
      await servers.stop();
      await sink.stop();
    },
  };
}
