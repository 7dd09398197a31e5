import { aliases, localDomains } from './people.ts';
import { greylistedPrefix, refusedPrefix } from './plan.ts';

/** A message as its sender knows it. */
export interface SentMessage {
  readonly messageId: string;
  readonly queueId: string;
  readonly from: string;
  readonly clientIp: string;
  readonly user?: string;
  /** As given to RCPT and accepted. */
  readonly recipients: readonly string[];
}

export interface SessionFact {
  readonly protocol: string;
  readonly clientIp: string;
  readonly user: string;
}

/** What a recipient's server does with it, known before it is sent. */
type Fate = 'delivered' | 'bounced' | 'deferredThenDelivered' | 'expired';

/** Collects what the client did, and says what a complete record of it must hold. */
export class Facts {
  readonly #messages: SentMessage[] = [];
  readonly #logins: SessionFact[] = [];
  readonly #failedLogins: SessionFact[] = [];
  readonly #rejected: { from: string; to: string; clientIp: string }[] = [];

  message(message: SentMessage): void {
    this.#messages.push(message);
  }

  login(session: SessionFact): void {
    this.#logins.push(session);
  }

  failedLogin(session: SessionFact): void {
    this.#failedLogins.push(session);
  }

  rejected(from: string, to: string, clientIp: string): void {
    this.#rejected.push({ from, to, clientIp });
  }

  /** Non-delivery reports that the server sends, each to a local sender: one per message that failed. */
  get bounceMessages(): number {
    return this.#messages.filter((message) => message.recipients.some(fails)).length;
  }

  /** @param about addresses for which everything is listed, not only counted. */
  summary(about: readonly string[]): Record<string, unknown> {
    const deliveries = new Map<string, number>();
    const fates: Record<Fate, number> = { delivered: 0, bounced: 0, deferredThenDelivered: 0, expired: 0 };
    for (const message of this.#messages) {
      for (const address of message.recipients.flatMap(expand)) {
        const fate = fateOf(address);
        fates[fate] += 1;
        if (fate === 'delivered' || fate === 'deferredThenDelivered') add(deliveries, address);
      }
      if (message.recipients.some(fails)) add(deliveries, message.from);
    }
    return {
      messages: {
        acceptedFromClients: this.#messages.length,
        bounceMessages: this.bounceMessages,
        acceptedBySender: counted(this.#messages.map((message) => message.from)),
        acceptedByUser: counted(this.#messages.flatMap((message) => message.user ?? [])),
      },
      recipients: {
        delivered: fates.delivered + fates.deferredThenDelivered + this.bounceMessages,
        bounced: fates.bounced,
        greylistedOnceThenDelivered: fates.deferredThenDelivered,
        expired: fates.expired,
        rejected: this.#rejected.length,
        deliveredByRecipient: sorted(deliveries),
      },
      sessions: {
        logins: this.#logins.length,
        loginsByProtocol: counted(this.#logins.map((login) => login.protocol)),
        loginsByUser: counted(this.#logins.map((login) => login.user)),
        failedLogins: this.#failedLogins.length,
        failedLoginsByProtocol: counted(this.#failedLogins.map((login) => login.protocol)),
        failedLoginsByUser: counted(this.#failedLogins.map((login) => login.user)),
      },
      people: Object.fromEntries(about.map((address) => [address, this.#about(address)])),
    };
  }

  #about(address: string): Record<string, unknown> {
    const ownSession = (session: SessionFact): boolean => session.user === address;
    const reaches = (message: SentMessage): boolean =>
      message.recipients.flatMap(expand).some((recipient) => withoutTag(recipient) === address);
    return {
      sent: this.#messages.filter((message) => message.from === address),
      received: this.#messages.filter(reaches),
      bounceMessagesReceived: this.#messages.filter(
        (message) => message.from === address && message.recipients.some(fails),
      ).length,
      logins: this.#logins.filter(ownSession),
      failedLogins: this.#failedLogins.filter(ownSession),
    };
  }
}

const expand = (address: string): readonly string[] => aliases[address] ?? [address];
const withoutTag = (address: string): string => address.replace(/\+[^@]*@/, '@');
const isLocal = (address: string): boolean => localDomains.some((domain) => address.endsWith(`@${domain}`));

function fateOf(address: string): Fate {
  if (isLocal(address)) return 'delivered';
  if (address.startsWith(refusedPrefix)) return 'bounced';
  if (address.endsWith('@down.example')) return 'expired';
  return address.startsWith(greylistedPrefix) ? 'deferredThenDelivered' : 'delivered';
}

const fails = (address: string): boolean => ['bounced', 'expired'].includes(fateOf(address));

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function counted(keys: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) add(counts, key);
  return sorted(counts);
}

const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
