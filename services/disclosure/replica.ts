import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '#shared/runtime';
import { KeyFileError, readSecret } from './keys.ts';

/** In the key folder, the same on all replicas: by it they recognise each other's records on the topic. */
export const topicSecretFile = 'ledger-topic-secret.txt';
const secretBytes = 32;

/**
 * Reads the replicas' secret, or makes that of a new installation.
 * @returns it, and the name of the file that was made just now
 * @throws KeyFileError where it is missing beside a ledger that has begun, or is none
 */
export async function openTopicSecret(
  keyFolder: string,
  { isNew }: { readonly isNew: boolean },
): Promise<{ readonly secret: Uint8Array; readonly made: readonly string[] }> {
  const path = join(keyFolder, topicSecretFile);
  const found = await readSecret(path, topicSecretFile);
  if (found === null && !isNew) throw new KeyFileError(topicSecretFile, 'is missing');
  const text = found ?? `${randomBytes(secretBytes).toString('hex')}\n`;
  if (!/^[0-9a-f]{64}\n?$/.test(text)) throw new KeyFileError(topicSecretFile, 'cannot be read');
  if (found === null) await writeFileDurably(path, text);
  return { secret: Buffer.from(text.trim(), 'hex'), made: found === null ? [topicSecretFile] : [] };
}

/** Whether several replicas write the ledger of this key folder, or are to. */
export const isReplicated = async (keyFolder: string): Promise<boolean> =>
  (await readSecret(join(keyFolder, topicSecretFile), topicSecretFile)) !== null;

/** The replica's name among those that share folders: made once, kept in its own data folder. */
export async function replicaName(dataFolder: string): Promise<string> {
  const path = join(dataFolder, 'replica');
  const found = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f]{12}\n$/.test(found)) return found.trim();
  const name = randomBytes(6).toString('hex');
  await writeFileDurably(path, `${name}\n`);
  return name;
}
