import { accessSync, constants, existsSync } from 'node:fs';

/** Programs that the harness starts, where Debian's packages put them. */
export const programs = {
  postfix: '/usr/sbin/postfix',
  postconf: '/usr/sbin/postconf',
  postqueue: '/usr/sbin/postqueue',
  postfixDaemons: '/usr/lib/postfix/sbin',
  dovecot: '/usr/sbin/dovecot',
  doveadm: '/usr/bin/doveadm',
  openssl: '/usr/bin/openssl',
} as const;

const needed: readonly (readonly [path: string, debianPackage: string])[] = [
  [programs.postfix, 'postfix'],
  [`${programs.postfixDaemons}/postlogd`, 'postfix'],
  [programs.dovecot, 'dovecot-core'],
  ['/usr/lib/dovecot/imap', 'dovecot-imapd'],
  ['/usr/lib/dovecot/pop3', 'dovecot-pop3d'],
  ['/usr/lib/dovecot/lmtp', 'dovecot-lmtpd'],
  ['/usr/lib/dovecot/managesieve', 'dovecot-managesieved'],
  [programs.openssl, 'openssl'],
];

export type Availability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Whether this machine can run the real mail servers: the packages are there, and we are root. */
export function mailServersAvailable(): Availability {
  if (process.platform !== 'linux') return { ok: false, reason: 'needs Linux' };
  if (process.getuid?.() !== 0) {
    return { ok: false, reason: 'needs root: Postfix and Dovecot switch users' };
  }
  for (const [path, debianPackage] of needed) {
    if (!executable(path)) return { ok: false, reason: `needs Debian's ${debianPackage} (${path})` };
  }
  return { ok: true };
}

function executable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
