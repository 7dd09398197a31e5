import type { Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ReadableStream } from 'node:stream/web';
import { Decrypter } from 'age-encryption';
import { readExactly, type TarMember } from './tar.ts';

const chunkBytes = 64 * 1024;

/**
 * Decrypts a member chunk by chunk into `sink`, and hashes its encrypted bytes on the way. What reached the
 * sink is to be thrown away where this returns false.
 * @returns false where age refuses the bytes: damaged, or for nobody of these identities.
 * @throws what reading the file or the sink throws
 */
export async function decryptMember(
  file: FileHandle,
  member: TarMember,
  identities: readonly string[],
  encrypted: Hash,
  sink: (chunk: Uint8Array) => Promise<void> | void,
): Promise<boolean> {
  let fault: { readonly error: unknown } | null = null;
  async function* source(): AsyncGenerator<Uint8Array> {
    const end = member.offset + member.size;
    for (let at = member.offset; at < end; at += chunkBytes) {
      try {
        const chunk = await readExactly(file, at, Math.min(chunkBytes, end - at));
        encrypted.update(chunk);
        yield chunk;
      } catch (error) {
        fault = { error };
        throw error;
      }
    }
  }
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    const plain = await decrypter.decrypt(ReadableStream.from(source()));
    for await (const chunk of plain) {
      try {
        await sink(chunk);
      } catch (error) {
        fault = { error };
        throw error;
      }
    }
    return true;
  } catch {
    const { error } = fault ?? { error: null };
    if (error !== null) throw error;
    return false;
  }
}
