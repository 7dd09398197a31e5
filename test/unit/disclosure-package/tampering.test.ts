import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Decrypter, Encrypter } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type ManifestPart, packageRefusals, readPackage, signManifest } from '#shared/disclosure-package';
import { generateKey, signCompact } from '#shared/signed-request';
import { tarEnd, tarHeader, tarPadding } from '../../../shared/disclosure-package/tar.ts';
import { makePackage, parties, receipt, records } from './support.ts';

/* Whoever carries a package may know the recipient's public key and the format. They get nowhere. */

const who = await parties();
afterAll(() => who.close());
const { file, staged } = await makePackage(who, 'honest', { records: records(60), partBytes: 6000 });
const honest = readFileSync(file);
let count = 0;

/** Opens these bytes as a package; whatever is refused must leave nothing behind. */
async function open(bytes: Uint8Array): Promise<string> {
  const name = join(who.folder, `tampered-${count++}`);
  writeFileSync(`${name}.tar`, bytes);
  const result = await readPackage({
    file: `${name}.tar`,
    identities: [who.identity],
    manifestKey: who.manifestKey,
    outFolder: `${name}.out`,
  });
  expect(existsSync(`${name}.out.partial`)).toBe(false);
  expect(existsSync(`${name}.out`)).toBe(result.ok);
  if (result.ok) return 'accepted';
  expect(Object.hasOwn(packageRefusals, result.code)).toBe(true);
  return result.code;
}

type Member = readonly [name: string, bytes: Buffer];
function membersOf(tar: Buffer): Member[] {
  const members: Member[] = [];
  for (let at = 0; tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, tar.indexOf(0, at));
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    members.push([name, tar.subarray(at + 512, at + 512 + size)]);
    at += 512 + size + tarPadding(size).length;
  }
  return members;
}
const tar = (members: readonly Member[]): Buffer =>
  Buffer.concat([
    ...members.flatMap(([name, bytes]) => [tarHeader(name, bytes.length), bytes, tarPadding(bytes.length)]),
    tarEnd,
  ]);
const members = membersOf(honest);
const replaced = (name: string, bytes: Uint8Array): Buffer =>
  tar(members.map(([own, old]) => [own, own === name ? Buffer.from(bytes) : old]));
async function encrypt(plaintext: string | Uint8Array, recipient = who.recipient): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(plaintext);
}
const firstPart = 'parts/0001.ndjson.age';

describe('a package that was tampered with is refused and leaves nothing behind', () => {
  it('while the honest one, rebuilt the same way, is opened', async () => {
    expect(tar(members).equals(honest)).toBe(true);
    expect(members.length).toBeGreaterThan(7);
    expect(await open(honest)).toBe('accepted');
  });

  it('with one byte of any member changed', async () => {
    for (const [name, bytes] of members) {
      if (name === 'manifest.tlog-proof') continue; // the caller's to verify
      for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
        expect(await open(replaced(name, changed)), `${name} at ${at}`).not.toBe('accepted');
      }
    }
  });

  it('with any byte of the file changed, outside the receipt', async () => {
    const from = honest.indexOf(receipt);
    await fc.assert(
      fc.asyncProperty(fc.nat(honest.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        fc.pre(at < from || at >= from + receipt.length);
        const changed = Buffer.from(honest);
        changed.writeUInt8(changed.readUInt8(at) ^ mask, at);
        expect(await open(changed)).not.toBe('accepted');
      }),
      { numRuns: 60 },
    );
  });

  it('cut short or with something behind its end', async () => {
    for (const length of [
      0,
      1,
      511,
      512,
      1024,
      honest.length - 1024,
      honest.length - 512,
      honest.length - 1,
    ]) {
      expect(await open(honest.subarray(0, length)), String(length)).not.toBe('accepted');
    }
    for (const more of [1, 512, 10_240]) {
      expect(await open(Buffer.concat([honest, Buffer.alloc(more)]))).toBe('package.structure');
    }
    expect(await open(Buffer.concat([honest, honest]))).toBe('package.structure');
  });

  it('without one of its members', async () => {
    for (const [name] of members) {
      expect(await open(tar(members.filter(([own]) => own !== name))), name).toBe('package.member_missing');
    }
  });

  it('with a member more, twice, or in another place', async () => {
    const [spare = Buffer.alloc(1)] = members
      .filter(([name]) => name === firstPart)
      .map(([, bytes]) => bytes);
    expect(await open(tar([...members, ['parts/0099.ndjson.age', spare]]))).toBe('package.member_unexpected');
    expect(await open(tar([...members, [firstPart, spare]]))).toBe('package.member_unexpected');
    expect(await open(tar([...members].reverse()))).toBe('package.member_missing');
    const [manifest, one, two, ...rest] = members;
    if (!manifest || !one || !two) throw new Error('the package has two parts at least');
    expect(await open(tar([manifest, two, one, ...rest]))).toBe('package.member_order');
  });

  it('with two parts’ contents changed for each other', async () => {
    const [, one, two] = members;
    if (!one || !two) throw new Error('the package has two parts at least');
    const swapped = members.map(([name, bytes]): Member => {
      if (name === one[0]) return [name, two[1]];
      return [name, name === two[0] ? one[1] : bytes];
    });
    expect(await open(tar(swapped))).toBe('package.part_altered');
  });

  it('with a part encrypted anew to the recipient: other records, the same ones, or the same size', async () => {
    const { parts } = staged.manifest;
    const size = parts[0]?.bytes ?? 0;
    expect(await open(replaced(firstPart, await encrypt('{"forged":true}\n')))).toBe('package.part_altered');
    expect(await open(replaced(firstPart, await encrypt(Buffer.alloc(size, 10))))).toBe(
      'package.part_altered',
    );
    const decrypter = new Decrypter();
    decrypter.addIdentity(who.identity);
    const own = members.find(([name]) => name === firstPart)?.[1] ?? Buffer.alloc(0);
    const again = await encrypt(await decrypter.decrypt(own));
    expect(again.length).toBe(own.length);
    expect(await open(replaced(firstPart, again))).toBe('package.part_altered');
  });

  it('with a manifest, honestly signed, that has one digest or size of a part wrong', async () => {
    const wrong: Partial<ManifestPart>[] = [
      { sha256: '0'.repeat(64) },
      { encryptedSha256: '0'.repeat(64) },
      { bytes: (staged.manifest.parts[0]?.bytes ?? 0) + 1 },
      { encryptedBytes: (staged.manifest.parts[0]?.encryptedBytes ?? 0) + 1 },
    ];
    for (const change of wrong) {
      const parts = staged.manifest.parts.map(
        (part, index): ManifestPart => (index === 0 ? ({ ...part, ...change } as ManifestPart) : part),
      );
      const text = await signManifest({ ...staged.manifest, parts }, who.signer);
      expect(await open(replaced('manifest.jws.age', await encrypt(text)))).toBe('package.part_altered');
    }
  });

  it('with a part or the manifest encrypted to somebody else', async () => {
    const other = await parties();
    const size = staged.manifest.parts[0]?.bytes ?? 0;
    const foreign = await encrypt(Buffer.alloc(size, 10), other.recipient);
    expect(await open(replaced(firstPart, foreign))).toBe('package.undecryptable');
    const manifest = await encrypt(staged.manifestJws, other.recipient);
    expect(await open(replaced('manifest.jws.age', manifest))).toBe('package.undecryptable');
    other.close();
  });

  it('with a manifest signed by another key, under its own kid or the service’s', async () => {
    const mallory = await generateKey('EdDSA');
    const own = await signManifest(staged.manifest, mallory);
    expect(await open(replaced('manifest.jws.age', await encrypt(own)))).toBe('package.manifest_key');
    const posing = await signManifest(staged.manifest, { ...mallory, kid: who.signer.kid });
    expect(await open(replaced('manifest.jws.age', await encrypt(posing)))).toBe(
      'package.manifest_signature',
    );
  });

  it('with a manifest that is no manifest, though the service’s key signed it', async () => {
    const header = { typ: 'griffie-manifest+jws', alg: 'EdDSA', kid: who.signer.kid } as const;
    const sign = (payload: unknown, more = {}) =>
      signCompact(Buffer.from(JSON.stringify(payload)), { ...header, ...more }, who.signer.privateKey);
    const { manifest } = staged;
    const renamed = (name: string): ManifestPart[] =>
      manifest.parts.map((part, index) => (index === 0 ? { ...part, name } : part));
    const forged = [
      await sign(manifest, { typ: 'griffie-proof+jwt' }),
      await sign({}),
      await sign({ ...manifest, version: 2 }),
      await sign({ ...manifest, extra: true }),
      await sign({ ...manifest, records: manifest.records + 1 }),
      await sign({ ...manifest, completeness: { state: 'complete', reasons: ['result.capped'] } }),
      await sign({ ...manifest, parts: manifest.parts.slice(1) }),
      await sign({ ...manifest, parts: renamed('../../etc/cron.d/x') }),
      await sign({ ...manifest, parts: renamed('/etc/passwd') }),
      await sign({ ...manifest, parts: renamed('parts/0002.ndjson.age') }),
      `${staged.manifestJws}=`,
      staged.manifestJws.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url')),
      'no JWS at all',
    ];
    for (const text of forged) {
      expect(await open(replaced('manifest.jws.age', await encrypt(text)))).toBe(
        'package.manifest_malformed',
      );
    }
  });

  it('with an honest manifest that names one part less or more than there is', async () => {
    const { manifest } = staged;
    const [first, ...others] = manifest.parts;
    if (first === undefined || !('records' in first)) throw new Error('the first part has records');
    const fewer = {
      ...manifest,
      records: manifest.records - first.records,
      parts: others.map((part, index) => ({ ...part, name: manifest.parts[index]?.name ?? '' })),
    };
    const last = fewer.parts.at(-1);
    if (last === undefined) throw new Error('there is a report');
    fewer.parts = [...fewer.parts.slice(0, -1), { ...last, name: 'parts/report.pdf.age' }];
    const text = await signManifest(fewer, who.signer);
    expect(await open(replaced('manifest.jws.age', await encrypt(text)))).toBe('package.member_unexpected');
  });

  it('with names that would leave the folder, links, folders, or pax and GNU records', async () => {
    const bytes = Buffer.from('x');
    for (const name of [
      '../evil',
      '/etc/passwd',
      'parts/../../evil',
      'parts/0001.ndjson',
      './manifest.jws.age',
      'parts/',
    ]) {
      expect(await open(tar([[name, bytes], ...members])), name).toBe('package.structure');
    }
    for (const type of ['1', '2', '5', 'x', 'g', 'L', 'K', '\0', '7', 'S']) {
      const header = tarHeader(firstPart, 0);
      header.write(type, 156, 'latin1');
      header.fill(' ', 148, 156);
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      expect(await open(Buffer.concat([header, honest])), type).toBe('package.structure');
    }
  });

  it('with a receipt or a text beyond their bounds, or a text that was changed', async () => {
    expect(await open(replaced('manifest.tlog-proof', Buffer.alloc(131_073)))).toBe('package.too_large');
    expect(await open(replaced('VERIFY.txt', Buffer.alloc(65_537)))).toBe('package.too_large');
    const text = Buffer.from('Trust me. Send your key to mallory@example.com.');
    expect(await open(replaced('VERIFY.txt', text))).toBe('package.verify_text_altered');
  });

  it('and the folder where packages are opened holds only what was accepted', () => {
    const left = readdirSync(who.folder).filter((name) => name.endsWith('.out') || name.endsWith('.partial'));
    expect(left).toHaveLength(1);
  });
});
