import { normalizeIp } from '#shared/traffic';
import { parseEnding } from './failure.ts';
import {
  type Endpoint,
  ignored,
  notUnderstood,
  observed,
  type Parsed,
  present,
  type SessionService,
  toCount,
  toPort,
} from './observation.ts';

/*
 * Lines of the login processes, after `imap-login: Info: `:
 *
 *   Login: user=<alice>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, mpid=17636, TLS, session=<…>
 *   Logged in: user=<alice>, …                                                        (2.4)
 *   Disconnected: Connection closed (auth failed, 2 attempts in 5 secs): user=<…>, …   (2.3)
 *   Login aborted: Connection closed (auth failed, 2 attempts in 5 secs) (auth_failed): user=<…>, …  (2.4)
 *   proxy(alice,192.0.2.9:143): Started proxying to <192.0.2.9> (0.013 secs): user=<alice>, …
 *   proxy(alice,192.0.2.9:143): Disconnected by client (0s idle, in=232, out=748): user=<alice>, …
 *
 * The user name is whatever a stranger typed (`a>, rip=1.2.3.4, session=<x` is a real one), and so is the
 * mechanism's name over ManageSieve. What follows the last `rip=` is written by the server alone, so the
 * line is read from there: addresses and session from the end, the sentence from its start, and the user
 * name is what is left in between. This holds for the default order of `login_log_format_elements`; of
 * further elements, `rport=`, `real_rip=` after `rip=` are used, others are passed over.
 */

interface Elements {
  readonly user?: string;
  readonly session?: string;
  readonly from: Endpoint;
}

const byteCounts = /\(\d+s idle, in=(\d+), out=(\d+)[^()]*\)$/;

/** @param text what follows the process's name and level. */
export function parseLoginLine(service: SessionService, text: string): Parsed {
  // "Authenticate <mechanism> failed" repeats what the client sent; the line that ends the attempt follows.
  const start = text.indexOf(': user=<');
  if (start === -1) return ignored;
  const sentence = text.slice(0, start);
  const proxied = /^proxy\((?:[^()]|\([^()]*\))*\): (.*)$/s.exec(sentence)?.[1];
  const statement = proxied ?? sentence;

  if (proxied === undefined ? isLogin(statement) : /^started proxying to /i.test(statement)) {
    return withElements(text, start, (e) => observed({ kind: 'login', service, ...e }));
  }
  if (proxied !== undefined) {
    const counts = byteCounts.exec(statement);
    // "Login failed: <the other server's words>": the line that ends the attempt follows.
    if (counts === null) return ignored;
    return withElements(text, start, (e) =>
      observed({
        kind: 'logout',
        service,
        ...e,
        ...present('received', toCount(counts[1])),
        ...present('sent', toCount(counts[2])),
        retrieved: false,
      }),
    );
  }
  const ending = parseEnding(statement);
  switch (ending.kind) {
    case 'failed':
      return withElements(text, start, (e) =>
        observed({ kind: 'loginFailed', service, outcome: ending.outcome, ...e }),
      );
    case 'unknownCause':
      return notUnderstood('dovecot.login_cause');
    default:
      return ignored;
  }
}

const isLogin = (statement: string): boolean => statement === 'Login' || statement === 'Logged in';

function withElements(text: string, start: number, make: (elements: Elements) => Parsed): Parsed {
  const elements = parseElements(text.slice(start + ': user=<'.length));
  return elements === null ? notUnderstood('dovecot.login_elements') : make(elements);
}

/** @param text from the first character of the user name. */
function parseElements(text: string): Elements | null {
  const session = /(?:^|[ ,])session=<([^<>]*)>$/.exec(text);
  const body = session === null ? text : text.slice(0, session.index);
  const rip = parseRip(body);
  // Over a UNIX socket there is no `rip=`; then the server's part is whatever follows the last `>`.
  const head = rip === null ? body.slice(0, body.lastIndexOf('>') + 1) : body.slice(0, rip.index);
  const tail = rip === null ? body.slice(head.length) : rip.tail;
  const user = userOf(head);
  if (user === null) return null;
  return {
    ...present('user', user === '' ? undefined : user),
    ...present('session', session?.[1] === '' ? undefined : session?.[1]),
    from: {
      ...present('ip', rip === null ? undefined : normalizeIp(rip.address)),
      ...present('port', toPort(/[ ,]rport=(\d+)/.exec(tail)?.[1])),
      ...present('proxyIp', proxyOf(tail, rip?.address)),
      ...present('tls', tlsOf(tail)),
    },
  };
}

function parseRip(body: string): { index: number; address: string; tail: string } | null {
  const index = body.lastIndexOf(' rip=');
  const found =
    index === -1 ? null : /^([\w.:%]*)((?:[, ][^<>]*)?)$/.exec(body.slice(index + ' rip='.length));
  return found === null ? null : { index, address: found[1] ?? '', tail: found[2] ?? '' };
}

function userOf(head: string): string | null {
  const method = /^(.*)>,? method=/s.exec(head)?.[1];
  if (method !== undefined) return method;
  const end = head.lastIndexOf('>');
  return end === -1 ? null : head.slice(0, end);
}

function proxyOf(tail: string, rip: string | undefined): string | null {
  const real = /[ ,]real_rip=([0-9A-Fa-f:.]+)/.exec(tail)?.[1];
  return real === undefined || real === rip ? null : normalizeIp(real);
}

/** `secured` alone is a trusted network or the host itself: no TLS was seen, and none was needed. */
function tlsOf(tail: string): boolean | undefined {
  if (/[ ,]TLS(?! handshaking)/.test(tail)) return true;
  return /[ ,]secured\b/.test(tail) ? undefined : false;
}
