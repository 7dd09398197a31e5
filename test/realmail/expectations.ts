import type { ExpectedEvent } from './expected-event.ts';
import { fateOf, hostName, isLocal, type Place, type Relays } from './world.ts';

/** The events that must come of what was done, by what the client knows of it. */
export class Expectations {
  readonly events: ExpectedEvent[] = [];
  readonly #relays: Relays;

  constructor(relays: Relays) {
    this.#relays = relays;
  }

  /** The servers give up on what is left in the queue of a message that `queueId` names. */
  expiry(event: ExpectedEvent): void {
    const { queueId, messageId, senderAddress } = event;
    if (queueId === undefined || senderAddress === undefined) throw new Error('no message');
    this.add('message.expired', 'postfix', {
      queueId,
      ...(messageId === undefined ? {} : { messageId }),
      senderAddress,
    });
    this.report(senderAddress);
  }

  /** @param given the recipient as it was given; @param final the one it stands for. */
  delivery(known: Partial<ExpectedEvent>, given: string, final: string): void {
    const recipient = {
      recipientAddress: final,
      ...(given === final ? {} : { recipientOriginalAddress: given }),
    };
    if (isLocal(final)) {
      const { messageId } = known;
      this.#expectLocal(messageId === undefined ? {} : { messageId }, final);
      this.add('message.delivered', 'postfix', { ...known, ...recipient, ...localDelivery });
      return;
    }
    const fate = fateOf(final);
    const relay = fate === 'down' ? {} : this.#relays(final);
    const outside = { ...known, ...recipient, ...relay, service: 'smtp' as const };
    if (fate === 'refused') {
      this.add('message.bounced', 'postfix', {
        ...outside,
        outcome: 'bounced',
        dsn: '5.1.1',
        replyCode: 550,
      });
      return;
    }
    if (fate === 'greylisted') {
      this.add('message.deferred', 'postfix', {
        ...outside,
        outcome: 'deferred',
        dsn: '4.2.0',
        replyCode: 450,
      });
    }
    if (fate !== 'down') {
      this.add('message.delivered', 'postfix', {
        ...outside,
        outcome: 'sent',
        dsn: '2.0.0',
        replyCode: 250,
      });
    }
  }

  /**
   * A non-delivery report: a message of the server's own, from the null sender, back to a local sender.
   * What it is about is not expected of each event: Postfix before 3.11 logs that whenever it gets to it.
   */
  report(to: string): void {
    const report = { senderNull: true as const, recipientCount: 1 };
    this.add('message.accepted', 'postfix', report);
    this.add('message.delivered', 'postfix', { ...report, recipientAddress: to, ...localDelivery });
    this.#expectLocal({}, to);
  }

  /** Dovecot's side of a local delivery: to the user, whose name is the address without its tag. */
  #expectLocal(message: Partial<ExpectedEvent>, address: string): void {
    this.add('message.delivered', 'dovecot', {
      ...message,
      service: 'lmtp',
      recipientUser: address.replace(/\+[^@]*@/, '@'),
      deliveryHostName: hostName,
    });
  }

  session(service: 'imap' | 'pop3' | 'managesieve', place: Place, user: string, retrieved: boolean): void {
    const session = { service, recipientUser: user, clientIp: place.ip, correlation: 'complete' as const };
    this.add('session.login', 'dovecot', session);
    if (retrieved) this.add('mailbox.retrieved', 'dovecot', session);
    this.add('session.logout', 'dovecot', session);
  }

  add(
    type: ExpectedEvent['type'],
    software: ExpectedEvent['software'],
    fields: Partial<ExpectedEvent>,
  ): void {
    this.events.push({ ...fields, type, software });
  }
}

const localDelivery = {
  service: 'lmtp',
  deliveryHostName: hostName,
  outcome: 'sent',
  dsn: '2.0.0',
  replyCode: 250,
} as const;
