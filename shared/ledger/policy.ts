import { LedgerError } from './errors.ts';
import { type NoteKeyType, type NoteVerifier, noteKeyTypes, parseVerifierKey } from './note-key.ts';

/** Bounds; C2SP tlog-policy asks for at least 32 of each. */
const maxLines = 1_000;
const maxPerKind = 64;

export interface PolicyWitness {
  /** Its name within the policy. */
  readonly name: string;
  readonly verifier: NoteVerifier;
  /** Prefix of `add-checkpoint`; only who submits needs it. */
  readonly url?: string;
}

/** Whom one believes, and how many of them (C2SP tlog-policy). */
export interface WitnessPolicy {
  readonly logs: readonly NoteVerifier[];
  readonly witnesses: readonly PolicyWitness[];
  /** Whether these witnesses' cosignatures are enough. */
  isMet(cosigners: readonly NoteVerifier[]): boolean;
}

export type PolicyOutcome =
  | { readonly ok: true; readonly policy: WitnessPolicy }
  /** `line` counts from 1; 0 where the whole is meant. */
  | { readonly ok: false; readonly line: number; readonly reason: string };

type Rule = (cosigned: ReadonlySet<string>) => boolean;

/** Reads a policy file (C2SP tlog-policy). Keys: logs Ed25519 (01), witnesses Ed25519 cosignatures (04). */
export function parsePolicy(text: string): PolicyOutcome {
  const logs: NoteVerifier[] = [];
  const witnesses: PolicyWitness[] = [];
  const rules = new Map<string, Rule>();
  const members = new Set<string>();
  const publicKeys = new Set<string>();
  let quorum: Rule | undefined;

  /** @returns why not, or undefined where the line is taken. */
  const statements: Readonly<Record<string, (words: readonly string[]) => string | undefined>> = {
    log: ([vkey, url, ...rest]) => {
      if (vkey === undefined || rest.length > 0) return 'a log is: log <vkey> [<url>]';
      if (url !== undefined && !isUrl(url)) return 'the URL of a log is not http(s)';
      const verifier = keyOf(vkey, noteKeyTypes.ed25519);
      if (verifier === null) return 'this is no key of a log (type 01)';
      if (isDuplicate(publicKeys, verifier)) return 'this key is there already';
      logs.push(verifier);
      return undefined;
    },
    witness: ([name, vkey, url, ...rest]) => {
      if (name === undefined || vkey === undefined || rest.length > 0) {
        return 'a witness is: witness <name> <vkey> [<url>]';
      }
      if (name === 'none' || rules.has(name)) return 'this name is taken';
      if (url !== undefined && !isUrl(url)) return 'the URL of a witness is not http(s)';
      const verifier = keyOf(vkey, noteKeyTypes.cosignature);
      if (verifier === null) return 'this is no key of a witness (type 04)';
      if (isDuplicate(publicKeys, verifier)) return 'this key is there already';
      witnesses.push({ name, verifier, ...(url === undefined ? {} : { url: url.replace(/\/+$/, '') }) });
      rules.set(name, (cosigned) => cosigned.has(verifier.vkey));
      return undefined;
    },
    group: ([name, threshold, ...names]) => {
      if (name === undefined || threshold === undefined || names.length === 0) {
        return 'a group is: group <name> all|any|<k> <name>…';
      }
      if (name === 'none' || rules.has(name)) return 'this name is taken';
      const found = names.map((member) => rules.get(member)).filter((rule) => rule !== undefined);
      if (found.length !== names.length) return 'a member is not defined above';
      if (names.some((member, i) => members.has(member) || names.indexOf(member) !== i)) {
        return 'a member counts already, in this group or another';
      }
      const needed = threshold === 'any' ? 1 : threshold === 'all' ? names.length : decimal(threshold);
      if (needed < 1 || needed > names.length) return 'the threshold is not between 1 and the members';
      for (const member of names) members.add(member);
      rules.set(name, (cosigned) => found.filter((rule) => rule(cosigned)).length >= needed);
      return undefined;
    },
    quorum: ([name, ...rest]) => {
      if (name === undefined || rest.length > 0) return 'a quorum is: quorum <name>';
      if (quorum !== undefined) return 'there is a quorum already';
      quorum = name === 'none' ? () => true : rules.get(name);
      return quorum === undefined ? 'the quorum is not defined above' : undefined;
    },
  };

  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids them
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) return failure(0, 'holds control characters');
  const lines = text.split('\n');
  if (lines.length > maxLines) return failure(0, 'is too long');
  for (const [i, line] of lines.entries()) {
    const [keyword = '', ...words] = line.split(/[ \t]+/).filter((word) => word !== '');
    if (keyword === '' || keyword.startsWith('#')) continue;
    const statement = Object.hasOwn(statements, keyword) ? statements[keyword] : undefined;
    const reason = statement === undefined ? 'begins with no known word' : statement(words);
    if (reason !== undefined) return failure(i + 1, reason);
  }
  if (logs.length > maxPerKind || rules.size > 2 * maxPerKind) return failure(0, 'is too long');
  if (quorum === undefined) return failure(0, 'has no quorum line');
  const rule = quorum;
  const isMet = (cosigners: readonly NoteVerifier[]) => rule(new Set(cosigners.map(({ vkey }) => vkey)));
  return { ok: true, policy: { logs, witnesses, isMet } };
}

const failure = (line: number, reason: string) => ({ ok: false, line, reason }) as const;

const decimal = (text: string): number => (/^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0);

const isUrl = (text: string): boolean => /^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : '');

function keyOf(vkey: string, type: NoteKeyType): NoteVerifier | null {
  try {
    const verifier = parseVerifierKey(vkey);
    return verifier.type === type ? verifier : null;
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

/** Two names for one public key are one key (tlog-policy): it must not count twice. */
function isDuplicate(known: Set<string>, { name, vkey }: NoteVerifier): boolean {
  // After `name+` and eight digits and `+`: base64 itself has plus signs.
  const material = vkey.slice(name.length + 10);
  const publicKey = Buffer.from(material, 'base64').subarray(1).toString('hex');
  if (known.has(publicKey)) return true;
  known.add(publicKey);
  return false;
}
