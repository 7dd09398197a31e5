import { createHash } from 'node:crypto';
import { generateX25519Identity } from 'age-encryption';
import { z } from 'zod';
import { CaseFileError } from './errors.ts';
import type { MasterKey } from './master-key.ts';

/*
 * The key of one case: an age identity, so that one case can be handed on, with its key, and opened with
 * anybody's age. It lies beside the case's files, wrapped under the master key.
 */

/** Name of the file, in the case's folder. */
export const caseKeyFile = 'case-key.json';

const schema = z.strictObject({
  v: z.literal(1),
  /** Tells whoever was given keys of some cases which of them is this one's. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  masterKey: z.string().max(256),
  wrapped: z.base64().max(8192),
});

const contextOf = (orderId: string): string => `griffie-case-key/v1 ${orderId}`;

/** A new key, `AGE-SECRET-KEY-1…`. */
export function generateCaseKey(): Promise<string> {
  return generateX25519Identity();
}

const caseKeyId = (key: string): string =>
  createHash('sha256').update(`griffie-case-key-id/v1\n${key}`).digest('hex').slice(0, 16);

/** The contents of a key file. */
export async function wrapCaseKey(key: string, orderId: string, master: MasterKey): Promise<string> {
  const { masterKey, wrapped } = await master.wrap(Buffer.from(key), contextOf(orderId));
  const file = { v: 1, keyId: caseKeyId(key), masterKey, wrapped: Buffer.from(wrapped).toString('base64') };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * @param text of a key file
 * @throws CaseFileError `case_file.altered`, also where the file is another case's; `case_file.locked`
 */
export async function unwrapCaseKey(
  text: string,
  orderId: string,
  master: MasterKey,
): Promise<{ readonly key: string; readonly masterKey: string }> {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new CaseFileError('case_file.altered');
  const { masterKey, wrapped } = parsed.data;
  const key = await master.unwrap({ masterKey, wrapped: Buffer.from(wrapped, 'base64') }, contextOf(orderId));
  if (key === 'unknown_key') throw new CaseFileError('case_file.locked');
  if (key === 'altered') throw new CaseFileError('case_file.altered');
  return { key: Buffer.from(key).toString('utf8'), masterKey };
}

/**
 * The one of these keys that is the case's.
 * @param text of a key file
 * @throws CaseFileError `case_file.altered` for another text; `case_file.locked` where it is none of them
 */
export function findCaseKey(text: string, keys: readonly string[]): string {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new CaseFileError('case_file.altered');
  const found = keys.find((key) => caseKeyId(key) === parsed.data.keyId);
  if (found === undefined) throw new CaseFileError('case_file.locked');
  return found;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
