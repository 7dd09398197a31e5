import { normalizeHostName } from '#shared/traffic';
import { flatten } from '../syslog/index.ts';

/** What a program tag says about a line. */
export interface Program {
  /** The daemon or command: the tag's last part. */
  readonly daemon: string;
  /** Name of a further Postfix instance (`postfix-in`); absent for the default one. */
  readonly instance?: string;
  /** The tag names a submission service (RFC 6409, RFC 8314): `postfix/submission/smtpd`, `postfix/smtps/smtpd`. */
  readonly submission: boolean;
}

/** Daemons and commands of Postfix, as they name themselves in the log. */
const daemons: ReadonlySet<string> = new Set(
  (
    'anvil bounce cleanup discard dnsblog error flush lmtp local master nqmgr oqmgr pickup pipe ' +
    'postalias postcat postconf postdrop postfix postfix-script postfix-tls-script postfix-wrapper postkick ' +
    'postlock postlog postlogd postmap postmulti postmulti-script postqueue post-install postscreen ' +
    'postsuper proxymap qmgr qmqpd scache sendmail showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite ' +
    'verify virtual'
  ).split(' '),
);

const submissionNames: ReadonlySet<string> = new Set(['submission', 'submissions', 'smtps']);
const cache = new Map<string, Program | null>();
const cacheSize = 1_000;

/**
 * Reads a tag from its end: `[instance/][service/]daemon`. Every `-o syslog_name=…` of master.cf changes
 * what stands before the daemon, so the daemon decides whether the line is Postfix's; a first part
 * `postfix-…` is an instance, as postmulti(1) requires its names to begin.
 * @returns null for another program's tag.
 */
export function programOf(tag: string): Program | null {
  const cached = cache.get(tag);
  if (cached !== undefined) return cached;
  const program = readTag(tag);
  if (cache.size >= cacheSize) cache.clear();
  cache.set(flatten(tag), program);
  return program;
}

function readTag(tag: string): Program | null {
  const parts = tag.split('/');
  const daemon = parts.at(-1) ?? '';
  if (parts.length < 2 || !daemons.has(daemon)) return null;
  const [first = ''] = parts;
  const submission = parts.slice(0, -1).some((part) => submissionNames.has(part));
  // An instance becomes part of an event, and has to fit.
  const isInstance = first.startsWith('postfix-') && first.length <= 64 && normalizeHostName(first) !== null;
  return { daemon: flatten(daemon), submission, ...(isInstance && { instance: flatten(first) }) };
}
