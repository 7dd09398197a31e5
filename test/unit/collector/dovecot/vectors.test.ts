import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseDovecotEventHeader } from '../../../../services/collector/dovecot/index.ts';
import { correlator, eventsOf, fromLine, run, vector } from './support.ts';

const captured = vector('mail-logs/captured/dovecot.log');
const events = vector('mail-logs/captured/dovecot-events.ndjson');
const crowdsec = vector('mail-logs/crowdsec/dovecot-logs/dovecot-logs.log');
const crowdsecExpected = vector('mail-logs/crowdsec/dovecot-logs/parser.assert');
const lines = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((l) => l !== '');
const why = (path: string | undefined) =>
  path === undefined ? ' (skipped: no vectors on this machine)' : '';

describe(`a captured session${why(captured)}`, () => {
  it.skipIf(captured === undefined)(
    'gives login and logout in both formats, the same but for what only one logs',
    () => {
      const fromText = run(lines(captured ?? '').map(fromLine));
      const fromEvents = run(
        lines(events ?? '').map((line) => {
          const header = parseDovecotEventHeader(line, 'mx1.example.nl');
          if (typeof header === 'string') throw new Error(header);
          return header;
        }),
      );
      const facts = (all: typeof fromText) =>
        all.map(({ type, service, sessionId, recipientUser, clientIp, correlation, occurredAt }) => {
          return {
            type,
            service,
            sessionId,
            recipientUser,
            clientIp,
            correlation,
            second: occurredAt.slice(0, 19),
          };
        });
      expect(facts(fromText)).toEqual(facts(fromEvents));
      expect(facts(fromText)).toMatchObject([
        {
          type: 'session.login',
          recipientUser: 'alice',
          clientIp: '127.0.0.1',
          sessionId: 'XhPEpOBgyMh/AAAB',
        },
        {
          type: 'session.logout',
          recipientUser: 'alice',
          clientIp: '127.0.0.1',
          sessionId: 'XhPEpOBgyMh/AAAB',
        },
      ]);
      expect(fromText[1]).toMatchObject({ bytesReceived: 49, bytesSent: 801 });
    },
  );
});

describe(`lines collected by CrowdSec${why(crowdsec)}`, () => {
  /** What CrowdSec's own parser must find in line `index` of the log. */
  function expectation(index: number, field: string): string | undefined {
    const text = readFileSync(crowdsecExpected ?? '', 'utf8');
    const at = `results["s01-parse"]["crowdsecurity/dovecot-logs"][${index}].Evt.${field} == "`;
    const start = text.indexOf(at);
    return start === -1 ? undefined : text.slice(start + at.length, text.indexOf('"\n', start));
  }

  it.skipIf(crowdsec === undefined)('are all understood, with the same user, address and verdict', () => {
    const all = lines(crowdsec ?? '');
    expect(all.length).toBe(15);
    for (const [index, line] of all.entries()) {
      const result = correlator().process(fromLine(line));
      expect(result.kind).not.toBe('notUnderstood');
      const [event] = eventsOf(result);
      if (event === undefined) {
        // No attempt was made, or the attempt's own line follows at the end of its session.
        expect(line).toMatch(/no auth attempts|,<youpi>\)/);
        continue;
      }
      expect(event.recipientUser ?? event.senderUser).toBe(expectation(index, 'Parsed["dovecot_user"]'));
      expect(event.clientIp).toBe(expectation(index, 'Meta["source_ip"]'));
      const failed = expectation(index, 'Meta["dovecot_login_result"]') === 'auth_failed';
      expect(event.type).toBe(failed ? 'session.login_failed' : 'session.login');
      expect(JSON.stringify(event)).not.toMatch(/Password123|21bd12/);
    }
  });
});

describe('the demo’s log', () => {
  const folder = fileURLToPath(new URL('../../../fixtures/demo-log/', import.meta.url));

  it('gives every session that its client had, each with its login, logout and address', () => {
    const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as {
      sessions: { loginsByProtocol: Record<string, number>; failedLoginsByProtocol: Record<string, number> };
    };
    const found = run(lines(`${folder}/dovecot.log`).map(fromLine));
    const count = (type: string) => {
      const byService: Record<string, number> = {};
      for (const event of found) {
        if (event.type === type) byService[event.service] = (byService[event.service] ?? 0) + 1;
      }
      return byService;
    };
    expect(count('session.login')).toEqual(expected.sessions.loginsByProtocol);
    expect(count('session.logout')).toEqual(expected.sessions.loginsByProtocol);
    // A submission that fails to log in is Postfix's to tell.
    const { submission: _, ...failed } = expected.sessions.failedLoginsByProtocol;
    expect(count('session.login_failed')).toEqual(failed);
    expect(found.filter((event) => event.correlation !== 'complete')).toEqual([]);
    expect(
      found.filter((event) => event.type.startsWith('session.') && event.clientIp === undefined),
    ).toEqual([]);
  });
});
