import type { EventDraft } from '#shared/traffic';
import type { Correlator, CorrelatorOptions, LineResult, LogRecord, StateChanges } from '../adapter.ts';
import {
  deliveryDraft,
  isSessionId,
  type KnownSession,
  logoutDrafts,
  sessionDraft,
  storedUser,
  submittedDraft,
} from './drafts.ts';
import { dovecotEventProgram, parseEvent } from './event.ts';
import { HeldLogouts, heldPrefix } from './held-logouts.ts';
import { parseMessage } from './message.ts';
import type { Observation, Parsed } from './observation.ts';
import { present } from './observation.ts';
import { type Attempt, type OpenRecord, OpenRecords } from './open-records.ts';
import { StateWriter } from './state-writer.ts';

/** More than a large server has clients; above it the oldest session's logout becomes `partial`. */
const defaultMaxOpen = 500_000;
/** Longest time from login to logout that is waited for, by the log's clock. */
const maxSessionMs = 7 * 86_400_000;
/**
 * A refusal this short before the login of its session belongs to the same attempt: another user database
 * was asked next. Dovecot keeps a failed client waiting for longer (`auth_failure_delay`, 2 seconds).
 */
const sameAttemptMs = 2_000;
const maxAttempts = 20;
/** Last instant that RFC 3339 can write. */
const maxTimeMs = 253_402_300_799_999;

const embeddedEvent = /^stats: (?:Info: )?(?=\{")/;
const nothing: readonly EventDraft[] = [];

export class DovecotCorrelator implements Correlator {
  readonly #writer = new StateWriter();
  readonly #records: OpenRecords;
  readonly #held: HeldLogouts;

  constructor(state: Iterable<readonly [string, string]>, options: CorrelatorOptions = {}) {
    const held: (readonly [string, string])[] = [];
    const open: (readonly [string, string])[] = [];
    for (const entry of state) (entry[0].startsWith(heldPrefix) ? held : open).push(entry);
    this.#held = new HeldLogouts(held, this.#writer);
    this.#records = new OpenRecords(open, this.#writer, options.maxOpen ?? defaultMaxOpen, maxSessionMs);
  }

  get openCount(): number {
    return this.#records.size;
  }

  takeChanges(): StateChanges {
    return this.#writer.take();
  }

  process(record: LogRecord): LineResult {
    if (!(record.timeMs >= 0 && record.timeMs <= maxTimeMs)) {
      return { kind: 'notUnderstood', reason: 'header.bad_time' };
    }
    const embedded = embeddedEvent.exec(record.message);
    const isEvent = record.program === dovecotEventProgram || embedded !== null;
    const parsed: Parsed = isEvent
      ? parseEvent(embedded === null ? record.message : record.message.slice(embedded[0].length))
      : parseMessage(record.message);
    if (parsed.kind !== 'observed') return parsed;

    this.#records.expire(record.timeMs);
    const due = this.#held.due(record.timeMs).flatMap((logout) => logoutDrafts(logout, undefined));
    if (isEvent) {
      // The same log tells it in text: one of the two is the record, and text is always complete.
      if (this.#records.hasTextLines(record.host)) return { kind: 'understood', events: due };
    } else {
      this.#records.noteTextLines(record.host);
    }
    return { kind: 'understood', events: [...due, ...this.#apply(record, parsed.observation)] };
  }

  #apply(record: LogRecord, observation: Observation): readonly EventDraft[] {
    switch (observation.kind) {
      case 'login':
        return this.#login(record, observation);
      case 'loginFailed':
        return this.#loginFailed(record, observation);
      case 'lookupFailed':
        return this.#lookupFailed(record, observation);
      case 'logout':
        return this.#logout(record, observation);
      case 'retrieval':
        return this.#retrieval(record, observation.session);
      case 'delivery':
        return [
          deliveryDraft(record, observation, observation.originIp ?? this.#peerOf(record, observation.pid)),
        ];
      case 'submitted':
        return [submittedDraft(record, observation, this.#sessionOf(record, observation.session))];
      case 'peer':
        return this.#peer(record, observation.pid, observation.ip);
    }
  }

  #login(record: LogRecord, login: Extract<Observation, { kind: 'login' }>): readonly EventDraft[] {
    const { service, from } = login;
    const event = sessionDraft(record, 'session.login', { ...login, outcome: 'ok', complete: true });
    const key = sessionKey(record, login.session);
    if (key === undefined) return [event];
    const before = this.#records.get(key);
    // Told already, by an event that the same log holds.
    if (before?.s !== undefined) return nothing;
    const ended = login.session === undefined ? undefined : this.#held.take(record.host, login.session);
    if (ended === undefined) this.#open(key, record, login);
    else this.#records.delete(key);
    const failures = (before?.a ?? [])
      .filter((attempt) => attempt.t <= record.timeMs - sameAttemptMs)
      .map((attempt) =>
        sessionDraft(record, 'session.login_failed', {
          service,
          from: { ...from, ...present('ip', attempt.i) },
          ...present('user', attempt.u),
          ...present('session', login.session),
          outcome: 'auth_failed',
          timeMs: attempt.t,
          complete: true,
        }),
      );
    return [...failures, event, ...(ended === undefined ? [] : logoutDrafts(ended, { ...login }))];
  }

  #open(
    key: string,
    record: LogRecord,
    { service, from, user }: Extract<Observation, { kind: 'login' }>,
  ): void {
    this.#records.put(key, record.timeMs, {
      s: service,
      ...present('u', storedUser(user)),
      ...present('i', from.ip),
      ...present('p', from.port),
      ...present('x', from.proxyIp),
      ...present('l', from.tls),
    });
  }

  #loginFailed(
    record: LogRecord,
    failed: Extract<Observation, { kind: 'loginFailed' }>,
  ): readonly EventDraft[] {
    const key = sessionKey(record, failed.session);
    // Attempts that the authentication process reported are in this line's count.
    if (key !== undefined && this.#records.get(key)?.s === undefined) this.#records.delete(key);
    return [sessionDraft(record, 'session.login_failed', { ...failed, complete: true })];
  }

  #lookupFailed(
    record: LogRecord,
    failed: Extract<Observation, { kind: 'lookupFailed' }>,
  ): readonly EventDraft[] {
    const key = sessionKey(record, failed.session);
    if (key === undefined) {
      // Dovecot's own services name their session, so this was an SMTP server's client.
      const facts = { ...failed, service: 'submission', outcome: 'passdb_failed', complete: false } as const;
      return [sessionDraft(record, 'session.login_failed', facts)];
    }
    const before = this.#records.get(key);
    if (before?.s !== undefined) return nothing;
    const attempt: Attempt = {
      t: record.timeMs,
      ...present('u', storedUser(failed.user)),
      ...present('i', failed.from.ip),
    };
    const attempts = before?.a ?? [];
    const last = attempts.at(-1);
    const sameAttempt = last !== undefined && last.u === attempt.u && attempt.t - last.t < sameAttemptMs;
    if (!sameAttempt && attempts.length < maxAttempts) {
      this.#records.put(key, record.timeMs, { a: [...attempts, attempt] });
    }
    return nothing;
  }

  #logout(record: LogRecord, observed: Extract<Observation, { kind: 'logout' }>): readonly EventDraft[] {
    const { kind: _, user, session, ...rest } = observed;
    const key = sessionKey(record, session);
    const before = key === undefined ? undefined : this.#records.get(key);
    const known = before === undefined ? undefined : loggedIn(before);
    const logout = {
      ...rest,
      ...present('user', storedUser(user)),
      timeMs: record.timeMs,
      ...present('timeNote', record.timeNote),
      host: record.host,
    };
    if (key === undefined || session === undefined) return logoutDrafts(logout, undefined);
    if (known === undefined) {
      return this.#held.hold({ ...logout, session }).flatMap((other) => logoutDrafts(other, undefined));
    }
    this.#records.delete(key);
    return logoutDrafts({ ...logout, session, retrieved: logout.retrieved || before?.r === true }, known);
  }

  #retrieval(record: LogRecord, session: string): readonly EventDraft[] {
    const key = sessionKey(record, session);
    const before = key === undefined ? undefined : this.#records.get(key);
    if (key !== undefined && before?.s !== undefined && before.r !== true) {
      const { n: _, t, ...contents } = before;
      this.#records.put(key, t, { ...contents, r: true });
    }
    return nothing;
  }

  #peer(record: LogRecord, pid: string, ip: string | undefined): readonly EventDraft[] {
    const key = peerKey(record, pid);
    this.#records.delete(key);
    if (ip !== undefined) this.#records.put(key, record.timeMs, { i: ip });
    return nothing;
  }

  #peerOf(record: LogRecord, pid: string | undefined): string | undefined {
    return pid === undefined ? undefined : this.#records.get(peerKey(record, pid))?.i;
  }

  #sessionOf(record: LogRecord, session: string | undefined): KnownSession | undefined {
    const key = sessionKey(record, session);
    const open = key === undefined ? undefined : this.#records.get(key);
    return open === undefined ? undefined : loggedIn(open);
  }
}

function loggedIn(open: OpenRecord): KnownSession | undefined {
  if (open.s === undefined) return undefined;
  return {
    ...present('user', open.u),
    from: {
      ...present('ip', open.i),
      ...present('port', open.p),
      ...present('proxyIp', open.x),
      ...present('tls', open.l),
    },
  };
}

/** Session ids are unique on their host, not among hosts: a proxy and its backend may share one. */
const sessionKey = (record: LogRecord, session: string | undefined): string | undefined =>
  session === undefined || !isSessionId(session) ? undefined : `s|${record.host}|${session}`;

const peerKey = (record: LogRecord, pid: string): string => `p|${record.host}|${pid}`;
