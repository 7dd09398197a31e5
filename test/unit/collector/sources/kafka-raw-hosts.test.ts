import { describe, expect, it } from 'vitest';
import type { EventDraft } from '#shared/traffic';
import { mailServerAdapters } from '../../../../services/collector/index.ts';
import { Correlators } from '../../../../services/collector/pipeline/correlators.ts';

const start = Date.UTC(2026, 10, 22, 10);
const day = 86_400_000;

/** A source's correlators over a checkpoint that is folded after each line. */
class Source {
  readonly state = new Map<string, string>();
  correlators = this.#open();
  readonly events: EventDraft[] = [];

  line(host: string, program: string, message: string, timeMs = start, readMs = start): void {
    const record = { timeMs, host, program, pid: '7', message };
    const result = this.correlators.process(record, new Date(readMs).toISOString());
    if (result?.kind === 'understood') this.events.push(...result.events);
    for (const [key, value] of this.correlators.takeChanges()) {
      if (value === null) this.state.delete(key);
      else this.state.set(key, value);
    }
  }

  restart(): void {
    this.correlators = this.#open();
  }

  #open(): Correlators {
    const { state } = this;
    return new Correlators({
      adapters: mailServerAdapters,
      byHost: true,
      state: function* (prefix) {
        for (const [key, value] of [...state])
          if (key.startsWith(prefix)) yield [key.slice(prefix.length), value];
      },
    });
  }
}

const id = '4WxBCDFGH1z';
const client = (ip: string) => `${id}: client=client.example.net[${ip}]`;
const queued = (sender: string) => `${id}: from=<${sender}>, size=500, nrcpt=1 (queue active)`;
const delivered = `${id}: to=<r@example.com>, relay=mx.example.com[198.51.100.3]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)`;
const login =
  'imap-login: Login: user=<alice@example.nl>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=77, TLS, session=<abcdefgh>';
const logout =
  'imap(alice@example.nl)<77><abcdefgh>: Disconnected: Logged out in=1 out=2 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0';

describe('several hosts in one source', () => {
  it.each([false, true])(
    'keep their messages apart, though queue ids are the same (restarted: %s)',
    (restarts) => {
      const source = new Source();
      const each = (send: (host: string, ip: string) => void) => {
        send('mx1.example.nl', '192.0.2.1');
        send('mx2.example.nl', '192.0.2.2');
        if (restarts) source.restart();
      };
      each((host, ip) => source.line(host, 'postfix/smtpd', client(ip)));
      each((host) => source.line(host, 'postfix/qmgr', queued(`someone@${host}`)));
      each((host) => source.line(host, 'postfix/smtp', delivered));
      each((host) => source.line(host, 'postfix/qmgr', `${id}: removed`));
      expect(
        source.events.map((e) => `${e.type} ${e.host} ${e.senderIp} ${e.senderAddress} ${e.correlation}`),
      ).toEqual([
        'message.accepted mx1.example.nl 192.0.2.1 someone@mx1.example.nl complete',
        'message.accepted mx2.example.nl 192.0.2.2 someone@mx2.example.nl complete',
        'message.delivered mx1.example.nl 192.0.2.1 someone@mx1.example.nl complete',
        'message.delivered mx2.example.nl 192.0.2.2 someone@mx2.example.nl complete',
      ]);
      expect(source.correlators.openCount).toBe(0);
    },
  );

  it('keep their sessions apart, though session ids are the same', () => {
    const source = new Source();
    source.line('mx1.example.nl', 'dovecot', login);
    source.line('mx2.example.nl', 'dovecot', login.replace('192.0.2.1', '192.0.2.2'));
    source.line('mx2.example.nl', 'dovecot', logout);
    source.line('mx1.example.nl', 'dovecot', logout);
    const logouts = source.events.filter((event) => event.type === 'session.logout');
    expect(logouts.map((event) => `${event.host} ${event.clientIp} ${event.correlation}`)).toEqual([
      'mx2.example.nl 192.0.2.2 complete',
      'mx1.example.nl 192.0.2.1 complete',
    ]);
  });

  it('run on their own clocks: one that is years ahead ends nothing of another', () => {
    const source = new Source();
    source.line('mx1.example.nl', 'postfix/smtpd', client('192.0.2.1'));
    // A logout that waits for its login, which stands after it in the log.
    source.line('mx1.example.nl', 'dovecot', logout);
    source.line('mx2.example.nl', 'postfix/smtpd', client('192.0.2.2'), start + 4000 * day);
    source.line('mx2.example.nl', 'dovecot', login, start + 4000 * day);
    source.line('mx1.example.nl', 'dovecot', login);
    source.line('mx1.example.nl', 'postfix/qmgr', queued('a@example.nl'));
    const ofFirst = source.events.filter((event) => event.host === 'mx1.example.nl');
    expect(ofFirst.map((event) => `${event.type} ${event.correlation}`).sort()).toEqual([
      'message.accepted complete',
      'session.login complete',
      'session.logout complete',
    ]);
  });

  it('give the same events however their lines are mixed', () => {
    const lines = ['mx1.example.nl', 'mx2.example.nl'].map((host) => [
      [host, 'dovecot', logout],
      [host, 'postfix/smtpd', client('192.0.2.1')],
      [host, 'dovecot', login],
      [host, 'postfix/qmgr', queued('a@example.nl')],
    ]) as [string, string, string][][];
    const [first = [], second = []] = lines;
    const told = (order: readonly (readonly [string, string, string])[]) => {
      const source = new Source();
      return order.map((line) => {
        const before = source.events.length;
        source.line(...(line as [string, string, string]));
        return JSON.stringify([line, source.events.slice(before)]);
      });
    };
    const mixed = first.flatMap((line, i) => [line, ...second.slice(i, i + 1)]);
    expect(told([...first, ...second]).sort()).toEqual(told(mixed).sort());
    expect(told([...second, ...first]).sort()).toEqual(told(mixed).sort());
  });

  it('are forgotten a month after the last line, with what was open of them', () => {
    const source = new Source();
    source.line('mx1.example.nl', 'postfix/smtpd', client('192.0.2.1'));
    source.line('mx2.example.nl', 'postfix/smtpd', client('192.0.2.2'), start + 29 * day, start + 29 * day);
    expect(source.correlators.openCount).toBe(2);
    source.restart();
    source.line('mx2.example.nl', 'postfix/qmgr', queued('a@example.nl'), start + 32 * day, start + 32 * day);
    expect(source.correlators.openCount).toBe(1);
    expect(JSON.stringify([...source.state])).not.toContain('mx1.example.nl');
    expect(JSON.stringify([...source.state])).not.toContain('192.0.2.1');
  });
});
