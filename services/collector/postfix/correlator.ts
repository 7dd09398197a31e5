import type { Correlator, CorrelatorOptions, LineResult, LogRecord, StateChanges } from '../adapter.ts';
import { clientLine, messageIdLine, pickupLine, queuedLine } from './arrival.ts';
import { ConnectionStore } from './connection-store.ts';
import { type Context, ignored, notUnderstood } from './context.ts';
import { deliveryLine, expiredLine, notificationLine, removedLine } from './departure.ts';
import { LifeStore } from './life-store.ts';
import { programOf } from './program.ts';
import { queueIdLength } from './queue-id.ts';
import { actionLine } from './refusal.ts';
import { repeatedMessage } from './repeated.ts';
import { scopeOf, scopeOfLifeKey } from './scope.ts';
import { sessionLine } from './session.ts';

/** Postfix cuts its records at 2,000 characters (msg_output(3)); a longer one is not Postfix's. */
const maxMessage = 4_096;
/** A record of this length may have been cut. */
const cutLength = 1_900;

const defaultMaxOpen = 1_000_000;
const maxConnections = 20_000;
/** A host name with its instance; many hosts may log into one source. */
const maxScopes = 10_000;

/** Postfix gives up after five days by default; twice that covers most changes of it. */
const timeoutSeconds = 10 * 86_400;

/** State key of the day of the last sweep; lives begin with `q`, connections with `t`. */
const sweptDayKey = '*';

/**
 * Lines with a queue id that tell nothing of sender, recipient or outcome. A delivery agent's own remarks
 * (`host … said: …`, `lost connection with …`) are free text and are told by the daemon instead.
 */
const saysNothing =
  /^(?:warning|error|fatal|panic): |^(?:skipped, still being delivered|placed on hold|released from hold|requeued|expired|undeliverable postmaster notification discarded)$|^(?:resent-message-id=|sending defer warning |enabling VERP |addr=|deleted |Milter request |queue file size limit |allowing |disallowing |passing )/;
const remarking: ReadonlySet<string> = new Set([
  'smtp',
  'lmtp',
  'tlsproxy',
  'trivial-rewrite',
  'verify',
  'flush',
]);

export class PostfixCorrelator implements Correlator {
  readonly #lives: LifeStore;
  readonly #connections = new ConnectionStore(maxConnections);
  readonly #scopes = new Set<string>();
  #takenDay = 0;
  #host = '';
  #instance: string | undefined;
  #scope = '';

  /** @throws SyntaxError where the state is not of `takeChanges`. */
  constructor(state: Iterable<readonly [key: string, value: string]>, options: CorrelatorOptions) {
    this.#lives = new LifeStore({ maxOpen: options.maxOpen ?? defaultMaxOpen, timeoutSeconds });
    const connections: (readonly [string, string])[] = [];
    for (const entry of state) {
      const [key, value] = entry;
      if (key.startsWith('q')) {
        this.#lives.restore(key, value);
        this.#addScope(scopeOfLifeKey(key));
      } else if (key === sweptDayKey) {
        this.#takenDay = Number(value);
      } else {
        connections.push(entry);
      }
    }
    this.#lives.restoreSweptDay(this.#takenDay);
    this.#connections.restore(connections);
  }

  get openCount(): number {
    return this.#lives.size;
  }

  process(record: LogRecord): LineResult {
    const program = programOf(record.program);
    if (program === null) return ignored;
    const { message } = record;
    if (message.length > maxMessage) return notUnderstood('line.too_long');
    const second = Math.floor(record.timeMs / 1000);
    this.#lives.sweep(second);
    this.#enterScope(record.host, program.instance);
    const context: Context = {
      record,
      program,
      message,
      second,
      lives: this.#lives,
      connections: this.#connections,
      scope: this.#scope,
      scopes: this.#scopes,
    };
    const result = readLine(context);
    if (result.kind === 'notUnderstood' && message.length >= cutLength)
      return notUnderstood('line.truncated');
    return result;
  }

  takeChanges(): StateChanges {
    const changes = new Map<string, string | null>();
    this.#lives.takeChanges(changes);
    this.#connections.takeChanges(changes);
    if (this.#lives.sweptDay !== this.#takenDay) {
      this.#takenDay = this.#lives.sweptDay;
      changes.set(sweptDayKey, String(this.#takenDay));
    }
    return changes;
  }

  #enterScope(host: string, instance: string | undefined): void {
    if (host === this.#host && instance === this.#instance && this.#scope !== '') return;
    this.#host = host;
    this.#instance = instance;
    this.#scope = scopeOf(host, instance);
    this.#addScope(this.#scope);
  }

  #addScope(scope: string): void {
    if (this.#scopes.size < maxScopes) this.#scopes.add(scope);
  }
}

function readLine(context: Context): LineResult {
  const { message, program } = context;
  const length = queueIdLength(message, 0);
  if (length > 0 && message.startsWith(': ', length)) {
    return queueLine(context, message.slice(0, length), length + 2);
  }
  if (message.startsWith('NOQUEUE: ')) return actionLine(context, undefined, 9) ?? ignored;
  if (message.startsWith('message repeated ')) return repeatedMessage(context, readLine);
  const { daemon } = program;
  return daemon === 'smtpd' || daemon === 'smtp' || daemon === 'lmtp' ? sessionLine(context) : ignored;
}

function queueLine(context: Context, queueId: string, start: number): LineResult {
  const { message, program } = context;
  if (message.startsWith('to=<', start)) return deliveryLine(context, queueId, start);
  if (message.startsWith('from=<', start)) {
    // The line's end is the queue manager's, whatever the address says.
    return message.endsWith(' returned to sender')
      ? expiredLine(context, queueId, start)
      : queuedLine(context, queueId, start);
  }
  if (message.startsWith('message-id=', start)) return messageIdLine(context, queueId, start + 11);
  if (message.startsWith('client=', start)) return clientLine(context, queueId, start + 7);
  if (message.startsWith('removed', start) && message.length === start + 7)
    return removedLine(context, queueId);
  if (message.startsWith('uid=', start)) return pickupLine(context, queueId, start);
  const action = actionLine(context, queueId, start) ?? notificationLine(context, queueId, start);
  if (action !== undefined) return action;
  const nothing = remarking.has(program.daemon) || saysNothing.test(message.slice(start));
  return nothing ? ignored : notUnderstood('postfix.queue_line');
}
