import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { findOnList, type JudgedList, judgeList, readListFile } from '#shared/certificates';
import {
  type CaseFinding,
  type ControlEntry,
  type ControlState,
  certificatesUnder,
  type ListChecker,
  revokedBy,
  type TakenList,
} from '#shared/control';
import { CliError } from '../errors.ts';
import { readBounded } from '../files.ts';

/*
 * Decisions that hang on revocation lists, made again from the lists themselves: each is the one that the
 * ledger names, its authority signed it, and it says of the credentials what the entry says.
 */

/** Bytes of a list with the certificates of who signed it, PEM. */
const maxFileBytes = 16 * 1024 * 1024;
/** Lists that are kept between entries, so that a row of enrolments reads theirs once. */
const maxKept = 8;

const follows: CaseFinding = { outcome: 'follows' };
const missing: CaseFinding = { outcome: 'gap', gap: 'revocation_list_missing' };
const fault = (text: string): CaseFinding => ({ outcome: 'fault', fault: text });
const altered = fault('hangs on a revocation list that is another one now');

/** What a list is judged by: what the entry says that took it into use. */
type Claim = Pick<TakenList, 'sha256' | 'certificates'>;

/** @param folder of the service's lists that were in use, or a copy of it */
export function createListChecker(folder: string): ListChecker {
  const kept = new Map<string, Promise<JudgedList | CaseFinding>>();
  const judge = (claim: Claim, at: string): Promise<JudgedList | CaseFinding> => {
    const judged = kept.get(claim.sha256) ?? judgeKept(folder, claim, at);
    kept.set(claim.sha256, judged);
    for (const [oldest] of kept) if (kept.size > maxKept) kept.delete(oldest);
    return judged;
  };
  return async (state, entry) => {
    if (entry.kind === 'revocation_list.taken') {
      const { details, at } = entry;
      const judged = await judge(details, at);
      return 'outcome' in judged ? judged : checkTaken(state, details, judged);
    }
    return entry.kind === 'credential.enrolled' ? checkEnrolled(state, entry, judge) : follows;
  };
}

async function judgeKept(
  folder: string,
  { sha256, certificates }: Claim,
  at: string,
): Promise<JudgedList | CaseFinding> {
  const file = await readKept(join(folder, `${sha256}.pem`));
  if (file === null) return missing;
  const held = readListFile(file);
  const [der] = held?.lists ?? [];
  const anchor = held?.certificates.at(-1);
  if (!der || !held || !anchor) return altered;
  const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const areNamed = isDeepStrictEqual(held.certificates.map(digestOf), certificates);
  if (digestOf(der) !== sha256 || !areNamed) return altered;
  const result = await judgeList(der, held.certificates.slice(0, -1), [anchor], at);
  return result.ok
    ? result.judged
    : fault(`takes a revocation list that the service would have refused (${result.code})`);
}

async function readKept(path: string): Promise<Buffer | null> {
  try {
    return await readBounded(path, maxFileBytes);
  } catch (error) {
    if (error instanceof CliError && error.code === 'file.missing') return null;
    throw error;
  }
}

async function checkTaken(state: ControlState, details: TakenList, judged: JudgedList): Promise<CaseFinding> {
  const { list, authority } = judged;
  const { number, thisUpdate, nextUpdate, bytes } = list;
  const says = { authority, number, thisUpdate, nextUpdate, bytes, entries: list.revoked.size };
  const isSame = Object.entries(says).every(([name, value]) => details[name as keyof typeof says] === value);
  if (!isSame || !isDeepStrictEqual([...judged.certificates], details.certificates))
    return fault('says something else of a revocation list than the list does');
  const found = await findOnList(judged, certificatesUnder(state, authority));
  const [part] = revokedBy(state, details, found);
  const { revoked, more } = details;
  return isDeepStrictEqual(part, { revoked, ...(more ? { more } : {}) })
    ? follows
    : fault('revokes other credentials than its revocation list does');
}

async function checkEnrolled(
  state: ControlState,
  { details }: ControlEntry<'credential.enrolled'>,
  judge: (claim: Claim, at: string) => Promise<JudgedList | CaseFinding>,
): Promise<CaseFinding> {
  for (const { issuer, id } of details.certificate?.links ?? []) {
    const inUse = state.revocationLists.get(issuer);
    if (inUse === undefined) continue;
    const judged = await judge(inUse, inUse.takenAt);
    if ('outcome' in judged) return judged.outcome === 'fault' ? altered : judged;
    if ((await findOnList(judged, new Set([id]))).size > 0)
      return fault('enrols a certificate that was on the revocation list in use');
  }
  return follows;
}
