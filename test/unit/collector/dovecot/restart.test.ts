import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventDraft } from '#shared/traffic';
import type { LogRecord } from '../../../../services/collector/adapter.ts';
import { dovecotAdapter } from '../../../../services/collector/dovecot/index.ts';
import { correlator, muchLater, record, run } from './support.ts';

const sessions = ['AAAAAAAAAAAAAAA0', 'AAAAAAAAAAAAAAA1', 'AAAAAAAAAAAAAAA2', 'AAAAAAAAAAAAAAA3'];
const tail = (user: string, session: string) =>
  `user=<${user}>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, TLS, session=<${session}>`;

/** Every kind of line that reads or changes what is open. */
const kinds: readonly ((user: string, session: string) => string)[] = [
  (user, session) => `imap-login: Info: Login: ${tail(user, session)}`,
  (user, session) => `submission-login: Info: Logged in: ${tail(user, session)}`,
  (user, session) => `imap(${user})<17><${session}>: Info: Disconnected: Logged out in=1 out=2 body_count=1`,
  (user, session) =>
    `imap-login: Info: Disconnected (auth failed, 1 attempts in 2 secs): ${tail(user, session)}`,
  (user, session) => `auth: Info: sql(${user},192.0.2.7,<${session}>): unknown user`,
  (user, session) =>
    `submission(${user})<17><${session}>: Info: Successfully relayed message: from=<${user}@x>, size=1, id=a, nrcpt=1, reply=\`250 ok'`,
  (user, session) =>
    `lmtp(${user})<${session.slice(-1)}><${session}>: Info: msgid=<a@b>: saved mail to INBOX`,
  (_, session) => `lmtp(${session.slice(-1)}): Info: Connect from 192.0.2.25`,
  (_, session) => `lmtp(${session.slice(-1)}): Info: Disconnect from 192.0.2.25: Logged out`,
  (user, session) =>
    `stats: Info: {"event":"auth_request_finished","fields":{"service":"imap","success":"yes","user":"${user}","session":"${session}","remote_ip":"192.0.2.7"}}`,
  (_, session) =>
    `stats: Info: {"event":"imap_command_finished","fields":{"session":"${session}","reason_code":["imap:fetch_body"]}}`,
  (user, session) =>
    `stats: Info: {"event":"mail_user_session_finished","categories":["service:imap"],"fields":{"user":"${user}","session":"${session}"}}`,
];

const log: fc.Arbitrary<LogRecord[]> = fc
  .array(
    fc.record({
      // Logins and logouts more often than the rest: they are what fills, overflows and empties the state.
      kind: fc.oneof(fc.nat(kinds.length - 1), fc.constantFrom(0, 0, 2)),
      user: fc.constantFrom('alice', 'bob@example.nl'),
      session: fc.constantFrom(...sessions),
      host: fc.oneof(
        { weight: 5, arbitrary: fc.constant('mx1.example.nl') },
        { weight: 1, arbitrary: fc.constant('mx2.example.nl') },
      ),
      /** Mostly seconds; sometimes longer than a session is waited for; sometimes the clock is set back. */
      step: fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: 0, max: 5 }) },
        fc.constantFrom(700_000, -30),
      ),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let at = 0;
    return steps.map(({ kind, user, session, host, step }) => {
      at = Math.max(0, at + step);
      return record(kinds[kind]?.(user, session) ?? '', at, host);
    });
  });

/** Runs the log, restarting from the folded state after each of the given numbers of lines. */
function runWithCuts(
  records: readonly LogRecord[],
  cuts: ReadonlySet<number>,
  maxOpen: number,
): EventDraft[] {
  const state = new Map<string, string>();
  let machine = correlator(maxOpen);
  const events: EventDraft[] = [];
  for (const [index, each] of records.entries()) {
    if (cuts.has(index)) {
      for (const [key, value] of machine.takeChanges()) {
        if (value === null) state.delete(key);
        else state.set(key, value);
      }
      // A store gives its keys back in an order of its own.
      const shuffled = [...state].sort(([a], [b]) => (a < b ? 1 : -1));
      machine = dovecotAdapter.createCorrelator(shuffled, { maxOpen });
    }
    events.push(...run([each], machine));
  }
  return events;
}

describe('a restart', () => {
  it('at any line, any number of times, changes no event', () => {
    fc.assert(
      fc.property(log, fc.uniqueArray(fc.nat(60)), fc.constantFrom(2, 3, 1000), (records, cuts, maxOpen) => {
        const uncut = runWithCuts(records, new Set(), maxOpen);
        expect(runWithCuts(records, new Set(cuts), maxOpen)).toEqual(uncut);
      }),
      { numRuns: 400 },
    );
  });
});

describe('what is open', () => {
  const login = (session: string, seconds: number) =>
    record(`imap-login: Info: Login: ${tail('alice', session)}`, seconds);
  const logout = (session: string, seconds: number) =>
    record(`imap(alice)<17><${session}>: Info: Disconnected: Logged out in=1 out=2`, seconds);
  const [first = '', second = '', third = ''] = sessions;

  it('is bounded in number: the oldest session gives way', () => {
    const into = correlator(2);
    const events = run(
      [
        login(first, 0),
        login(second, 1),
        login(third, 2),
        logout(first, 3),
        logout(second, 4),
        logout(third, 5),
        muchLater,
      ],
      into,
    );
    expect(events.slice(3).map((e) => [e.sessionId, e.correlation])).toEqual([
      [second, 'complete'],
      [third, 'complete'],
      [first, 'partial'],
    ]);
    expect(into.openCount).toBe(0);
  });

  it('is the same oldest session after a restart', () => {
    for (const [older = '', younger = ''] of [
      [first, second],
      [second, first],
    ]) {
      const before = [login(older, 0), login(younger, 1)];
      const after = [login(third, 2), logout(first, 3), logout(second, 3), muchLater];
      const events = runWithCuts([...before, ...after], new Set([2]), 2);
      const logouts = events.slice(3).map((e) => [e.sessionId, e.correlation]);
      expect(logouts).toEqual([
        [younger, 'complete'],
        [older, 'partial'],
      ]);
    }
  });

  it('is bounded in age, by the log’s clock', () => {
    const day = 86_400;
    const kept = run([login(first, 0), logout(first, 7 * day)]);
    expect(kept[1]?.correlation).toBe('complete');
    const into = correlator();
    const events = run([login(first, 0), login(second, 7 * day + 1)], into);
    expect(events).toHaveLength(2);
    expect(into.openCount).toBe(1);
    expect(into.takeChanges().get(`s|mx1.example.nl|${first}`)).toBeNull();
  });

  it('costs one change for each line that changes it', () => {
    const into = correlator();
    run([login(first, 0), login(second, 1)], into);
    into.takeChanges();
    run([logout(first, 2)], into);
    expect([...into.takeChanges()]).toEqual([[`s|mx1.example.nl|${first}`, null]]);
    expect(into.takeChanges().size).toBe(0);
  });
});
