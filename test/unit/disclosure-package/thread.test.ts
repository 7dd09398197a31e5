import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, describe, expect, it } from 'vitest';
import {
  ageChunkBytes,
  createAgePayload,
} from '../../../shared/disclosure-package/package-thread/age-payload.ts';
import { PackageThread } from '../../../shared/disclosure-package/thread.ts';

const folder = mkdtempSync(join(tmpdir(), 'griffie-age-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const hasAge = spawnSync('age', ['--version']).error === undefined;
let files = 0;

/** What the thread writes of a plaintext that comes in pieces of this size. */
async function encrypted(plaintext: Buffer, piece: number, recipients: readonly string[]) {
  const path = join(folder, `${files++}.age`);
  async function* pieces() {
    for (let at = 0; at < plaintext.length; at += piece) yield plaintext.subarray(at, at + piece);
  }
  const thread = new PackageThread(recipients);
  try {
    const written = await thread.writeFile(path, pieces());
    await thread.sync();
    return { path, written, bytes: readFileSync(path) };
  } finally {
    await thread.close();
  }
}

async function* once(text: string) {
  yield Buffer.from(text);
}

async function decrypt(bytes: Uint8Array, identity: string): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return Buffer.from(await decrypter.decrypt(bytes));
}

const sizes = [
  0,
  1,
  ageChunkBytes - 1,
  ageChunkBytes,
  ageChunkBytes + 1,
  3 * ageChunkBytes,
  20 * ageChunkBytes + 7,
];

describe('an age file whose payload Node’s OpenSSL encrypted', () => {
  it.each(sizes)(
    'of %d bytes is opened by each recipient with the library, whatever its pieces were',
    async (size) => {
      const identities = [await generateIdentity(), await generateIdentity()];
      const recipients = await Promise.all(identities.map((identity) => identityToRecipient(identity)));
      for (const piece of [1000, ageChunkBytes, ageChunkBytes + 1, 1 << 20]) {
        const plaintext = randomBytes(size);
        const { bytes, written } = await encrypted(plaintext, piece, recipients);
        for (const identity of identities)
          expect((await decrypt(bytes, identity)).equals(plaintext)).toBe(true);
        expect(written).toMatchObject({ bytes: size, encryptedBytes: bytes.length });
      }
    },
  );

  it('is refused by the library with any chunk cut off, swapped or changed', async () => {
    const identity = await generateIdentity();
    const { bytes } = await encrypted(randomBytes(3 * ageChunkBytes), 4096, [
      await identityToRecipient(identity),
    ]);
    const chunk = ageChunkBytes + 16;
    const payload = bytes.length - 3 * chunk;
    const cut = bytes.subarray(0, bytes.length - chunk);
    const swapped = Buffer.concat([
      bytes.subarray(0, payload),
      bytes.subarray(payload + chunk, payload + 2 * chunk),
      bytes.subarray(payload, payload + chunk),
      bytes.subarray(payload + 2 * chunk),
    ]);
    const changed = Buffer.from(bytes);
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, bytes.length - 1);
    for (const damaged of [cut, swapped, changed]) await expect(decrypt(damaged, identity)).rejects.toThrow();
  });

  it('has a header, a file key and a payload key of its own each time', async () => {
    const recipients = [await identityToRecipient(await generateIdentity())];
    const [one, two] = [
      await encrypted(Buffer.from('same'), 4, recipients),
      await encrypted(Buffer.from('same'), 4, recipients),
    ];
    expect(one.bytes.subarray(-20).equals(two.bytes.subarray(-20))).toBe(false);
    expect(one.bytes.subarray(0, 120).equals(two.bytes.subarray(0, 120))).toBe(false);
    // One stanza for each recipient and none for whoever saw the file key.
    expect(one.bytes.toString('latin1').match(/^-> /gm)).toHaveLength(1);
  });

  it('takes no chunk but a whole one, a last one, and none after it', () => {
    const age = createAgePayload(randomBytes(16));
    expect(() => age.chunk(Buffer.alloc(10), false)).toThrow(RangeError);
    expect(() => age.chunk(Buffer.alloc(ageChunkBytes + 1), true)).toThrow(RangeError);
    age.chunk(Buffer.alloc(ageChunkBytes), false);
    expect(() => age.chunk(Buffer.alloc(0), true)).toThrow(RangeError);
    age.chunk(Buffer.alloc(1), true);
    expect(() => age.chunk(Buffer.alloc(1), true)).toThrow(RangeError);
  });

  it.skipIf(!hasAge)(`is opened by Debian’s age${hasAge ? '' : ' (skipped: no age here)'}`, async () => {
    const identity = await generateIdentity();
    const key = join(folder, 'identity.txt');
    writeFileSync(key, `${identity}\n`);
    for (const size of sizes) {
      const plaintext = randomBytes(size);
      const { path } = await encrypted(plaintext, 10_000, [await identityToRecipient(identity)]);
      const opened = execFileSync('age', ['--decrypt', '--identity', key, path], { maxBuffer: 1 << 24 });
      expect(opened.equals(plaintext)).toBe(true);
    }
  });

  it('is one of several that one thread writes, each with a key of its own', async () => {
    const identity = await generateIdentity();
    const one = new PackageThread([await identityToRecipient(identity)]);
    const paths = [join(folder, 'several-1.age'), join(folder, 'several-2.age')];
    for (const path of paths) await one.writeFile(path, once(`of ${path}`));
    await one.sync();
    await one.close();
    for (const path of paths)
      expect((await decrypt(readFileSync(path), identity)).toString()).toBe(`of ${path}`);
  });

  it('is not written over another: the system’s code comes through, and nothing is written after it', async () => {
    const [there, after] = [join(folder, 'there'), join(folder, 'after')];
    writeFileSync(there, 'kept');
    const files = new PackageThread([await identityToRecipient(await generateIdentity())]);
    await expect(files.writeFile(there, once('other'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(files.writeFile(after, once('other'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(files.sync()).rejects.toMatchObject({ code: 'EEXIST' });
    await files.close();
    expect(readFileSync(there, 'utf8')).toBe('kept');
    expect(existsSync(after)).toBe(false);
  });

  it('is given up with its thread, however much was to come', async () => {
    const files = new PackageThread([await identityToRecipient(await generateIdentity())]);
    async function* endless() {
      for (;;) {
        yield Buffer.alloc(1 << 20);
        void files.close();
      }
    }
    await expect(files.writeFile(join(folder, 'endless.age'), endless())).rejects.toThrow('has ended');
  });
});
