import { normalizeIp } from '#shared/traffic';
import { ignored, notUnderstood, observed, type Parsed, present } from './observation.ts';

/*
 * Lines of the authentication processes, which `auth_verbose` turns on:
 *
 *   auth: Info: passwd-file(alice,192.0.2.7,<XhPEpOBgyMh/AAAB>): Password mismatch (given password: …)
 *   auth-worker(24058): conn unix:auth-worker (pid=1,uid=2): auth-worker<6>: pam(alice,192.0.2.7): unknown user
 *   auth(alice,192.0.2.7,sasl:plain)<XhPEpOBgyMh/AAAB>: Info: passwd-file: Password mismatch          (2.4)
 *   auth-worker(alice,192.0.2.7)<62690>: request [24]: Info: sql: unknown user                        (2.4)
 *
 * Each is the answer of one user database, not of a login: with two databases an attempt that succeeds may
 * have such a line, and one that fails may have two. Nothing after the answer is read: there stand, if an
 * administrator asked for it, passwords.
 */

const who = '([^,()<>]*),([0-9A-Fa-f.:]+)';
const asOf23 = new RegExp(
  String.raw`^(?:conn \S+ \(pid=\d+,uid=\d+\): auth-worker<\d+>: )?[a-z][a-z0-9-]*\(${who}(?:,master)?(?:,<([^<>]*)>)?\): (.*)$`,
  's',
);
const asOf24 = new RegExp(
  String.raw`^\(${who}(?:,[a-z0-9:,_-]+)?\)(?:<([^<>]*)>)?: (?:request \[\d+\]: )?(?:([A-Z][a-z]+): )?(?:[a-z][a-z0-9-]*: )+(.*)$`,
  's',
);

const refusal =
  /^(?:unknown user\b|password mismatch\b|pam_authenticate\(\) failed\b|pam_acct_mgmt\(\) failed\b|user (?:is )?disabled\b|password (?:has )?expired\b|invalid credentials\b|authentication failure\b|user not found\b)/i;
/**
 * A second user, address and end of brackets inside the answer. A user name or a password that looks like
 * one is a forgery in one of two places, and the line does not say in which.
 */
const secondIdentity = /,[0-9A-Fa-f.:]{2,45}(?:,[^()<>]*)?(?:,<[^<>]*>)?\)(?:<[^<>]*>)?: /;
const anyRefusal = /: (?:unknown user|password mismatch|pam_authenticate\(\) failed)/i;

/** @param text what follows `auth` or `auth-worker` in the message. */
export function parseAuthLine(text: string): Parsed {
  const modern = asOf24.exec(text);
  if (modern !== null) {
    const [, user, ip, mark, level, answer] = modern;
    // A worker's brackets hold its process id; session ids are far longer.
    const session = mark !== undefined && /^\d{1,10}$/.test(mark) ? undefined : mark;
    return level === 'Debug' ? ignored : parseAnswer(user, ip, session, answer);
  }
  const opened = /^(?:\(\d+\))?: (?:([A-Z][a-z]+): )?(.*)$/s.exec(text);
  if (opened === null || opened[1] === 'Debug') return ignored;
  const rest = opened[2] ?? '';
  const classic = asOf23.exec(rest);
  if (classic !== null) return parseAnswer(classic[1], classic[2], classic[3], classic[4]);
  // A refusal whose user name does not let itself be told from the rest: the login process's line will.
  return anyRefusal.test(rest) ? notUnderstood('dovecot.auth_line') : ignored;
}

function parseAnswer(
  user: string | undefined,
  ip: string | undefined,
  session: string | undefined,
  answer: string | undefined,
): Parsed {
  if (!refusal.test(answer ?? '')) return ignored;
  if (secondIdentity.test(answer ?? '')) return notUnderstood('dovecot.auth_line');
  return observed({
    kind: 'lookupFailed',
    from: present('ip', normalizeIp(ip ?? '')),
    ...present('user', user === '' || user === '?' ? undefined : user),
    ...present('session', session === '' ? undefined : session),
  });
}
