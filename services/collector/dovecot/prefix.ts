import { deliveryStart } from './delivery-line.ts';
import type { Party } from './observation.ts';
import { present } from './observation.ts';
import { sessionStart } from './session-line.ts';

/*
 * The prefix of a session's or delivery's lines, with or without a level after it:
 *
 *   imap(alice)<17636><XhPEpOBgyMh/AAAB>:      since 2.2.36
 *   imap(alice):  lmtp(10714, alice@example.nl):   before
 *
 * The user name can hold anything that a recipient's address can, and what follows can hold what a
 * stranger wrote, so neither end of the line is to be trusted. Every place where the prefix might end is
 * tried; where more than one reading makes sense, none is taken.
 */

export type SessionProcess = 'imap' | 'pop3' | 'managesieve' | 'submission' | 'lmtp' | 'lda';

const processes: Readonly<Record<string, SessionProcess>> = {
  imap: 'imap',
  'imap-hibernate': 'imap',
  pop3: 'pop3',
  managesieve: 'managesieve',
  sieve: 'managesieve',
  submission: 'submission',
  lmtp: 'lmtp',
  lda: 'lda',
  'dovecot-lda': 'lda',
  deliver: 'lda',
};

export interface Prefixed {
  readonly process: SessionProcess;
  readonly pid?: string;
  readonly party: Party;
  readonly level?: string;
  readonly text: string;
}

export type PrefixResult = Prefixed | 'none' | 'ambiguous';

const name = /^([A-Za-z0-9-]{3,16})\(/;
const modernEnd = /\)<(\d{1,10})><([^<>]*)>: /g;
const formerEnd = /\): /g;
const maxCandidates = 16;

export function parsePrefix(message: string): PrefixResult {
  const process = processes[name.exec(message)?.[1]?.toLowerCase() ?? ''];
  if (process === undefined) return 'none';
  const from = message.indexOf('(') + 1;
  const modern = [...message.matchAll(modernEnd)];
  const ends = modern.length > 0 ? modern : [...message.matchAll(formerEnd)];
  if (ends.length > maxCandidates) return 'ambiguous';
  const readings = ends
    .map((end) => reading(process, message.slice(from, end.index), end, message))
    .filter((candidate) => ends.length === 1 || isKnownStart(candidate.text));
  if (readings.length > 1) return 'ambiguous';
  return readings[0] ?? 'none';
}

function reading(process: SessionProcess, inside: string, end: RegExpExecArray, message: string): Prefixed {
  const rest = message.slice(end.index + end[0].length);
  const levelled = /^(Debug|Info|Warning|Error|Fatal|Panic): (.*)$/s.exec(rest);
  const former = end[1] === undefined ? /^(\d+), (.*)$/s.exec(inside) : null;
  const user = former?.[2] ?? inside;
  return {
    process,
    party: {
      ...present('user', user === '' ? undefined : user),
      ...present('session', end[2] === '' ? undefined : end[2]),
    },
    ...present('pid', end[1] ?? former?.[1]),
    ...present('level', levelled?.[1]),
    text: levelled?.[2] ?? rest,
  };
}

const isKnownStart = (text: string): boolean => sessionStart.test(text) || deliveryStart.test(text);
