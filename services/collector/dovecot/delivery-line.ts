import {
  ignored,
  type MessageFacts,
  notUnderstood,
  type Observation,
  observed,
  type Parsed,
  type Party,
  present,
  toCount,
} from './observation.ts';

/*
 * Lines of the delivery agents, after `lmtp(alice)<10714><dgqnIUgyA2vaKQAAg+zDdQ>: Info: `:
 *
 *   msgid=<m1@example.org>: saved mail to INBOX
 *   sieve: msgid=<m1@example.org>: fileinto action: stored mail into mailbox 'Archive'
 *   sieve: msgid=<m1@example.org>: redirect action: forwarded to <other@example.com>
 *
 * Mailbox names, Sieve arguments and the address forwarded to are not copied (the forwarded copy is the
 * mail server's own event). The default `deliver_log_format` has no sender: the header's `From` that
 * `%{from}` would print is content. Operators who want the envelope's write
 *
 *   deliver_log_format = from_envelope=<%{from_envelope}>, size=%{size}, msgid=%m: %$
 *
 * with what the sender chose least freely first. One line is one event: a Sieve script that files a copy
 * and keeps another gives two.
 */

export const deliveryStart =
  /^(?:[A-Za-z0-9+/=]{16,}(?::[A-Z]\d+)*: )?(?:sieve: )?(?:from_envelope=<|size=\d|msgid=)/;

const opening =
  /^(?:([A-Za-z0-9+/=]{16,}(?::[A-Z]\d+)*): )?(?:sieve: )?(?:from_envelope=<([^<>]*)>,? )?(?:size=(\d+),? )?msgid=(.*)$/s;

type Disposition = Pick<Extract<Observation, { kind: 'delivery' }>, 'type' | 'outcome'>;

/** What an agent did with a message. Sieve before 2.3.11 did not name the action before the sentence. */
const dispositions: readonly (readonly [pattern: RegExp, disposition: Disposition | null])[] = [
  [/^saved mail to /, { type: 'message.delivered', outcome: 'saved' }],
  [/^(?:[a-z_]+ action: )?stored mail into mailbox /, { type: 'message.delivered', outcome: 'stored' }],
  [/^(?:[a-z_]+ action: )?forwarded to </, { type: 'message.delivered', outcome: 'forwarded' }],
  [/^(?:[a-z_]+ action: )?piped message to program /, { type: 'message.delivered', outcome: 'piped' }],
  // "…if not explicitly delivered": a copy that another action stored has its own line.
  [
    /^(?:[a-z_]+ action: )?[Mm]arked message to be discarded/,
    { type: 'message.delivered', outcome: 'marked_discarded' },
  ],
  [
    /^(?:[a-z_]+ action: )?(?:rejected|refused) message from </,
    { type: 'message.rejected', outcome: 'rejected' },
  ],
  // Says nothing final: after a failure to store, the mail server's line has the reply and what follows.
  [/^save failed to /, null],
  [/^(?:[a-z_]+ action: )?failed to /, null],
  [/^(?:[a-z_]+ action: )?(?:sent|discarded|not sending|would have|skipped|flags?) /, null],
  [/^(?:[a-z_]+ action|Execution of script|Aborted|script|Quota exceeded|rejected:)/i, null],
];

const strictId = /^(<[^<>\s]{1,998}>|unspecified)(?:, [^:]*)?: (.*)$/s;
const anyDisposition =
  /: (?=(?:[a-z_]+ action: )?(?:saved mail to |stored mail into mailbox |forwarded to <))/g;

/** @param text what follows the prefix and level. */
export function parseDeliveryLine(
  agent: 'lmtp' | 'lda',
  pid: string | undefined,
  party: Party,
  text: string,
): Parsed {
  const found = opening.exec(text);
  if (found === null) return ignored;
  const statement = parseStatement(found[4] ?? '');
  if (statement === null) return notUnderstood('dovecot.delivery');
  const disposition = dispositions.find(([pattern]) => pattern.test(statement.text));
  if (disposition === undefined) return notUnderstood('dovecot.delivery');
  if (disposition[1] === null) return ignored;
  const message: MessageFacts = {
    ...statement.id,
    ...present('sender', found[2] ?? rejectedSender(statement.text)),
    ...present('size', toCount(found[3])),
  };
  const session = party.session ?? found[1];
  return observed({
    kind: 'delivery',
    agent,
    ...disposition[1],
    ...present('pid', pid),
    ...present('user', party.user),
    ...present('session', session),
    message,
  });
}

/** Sieve names the envelope's sender when it rejects. */
function rejectedSender(text: string): string | undefined {
  return /(?:rejected|refused) message from <([^<>\s]*)> \([a-z]+\)$/.exec(text)?.[1];
}

/**
 * Splits Message-ID and statement. A Message-ID is what the sender wrote: one with spaces or brackets
 * inside is not taken, and the statement is then the last one in the line.
 */
function parseStatement(rest: string): { id: Pick<MessageFacts, 'id' | 'idUnclear'>; text: string } | null {
  const strict = strictId.exec(rest);
  if (strict !== null)
    return { id: strict[1] === 'unspecified' ? {} : present('id', strict[1]), text: strict[2] ?? '' };
  const last = [...rest.matchAll(anyDisposition)].at(-1);
  return last === undefined ? null : { id: { idUnclear: true }, text: rest.slice(last.index + 2) };
}
