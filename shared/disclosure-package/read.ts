import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { privateModes, syncFolder } from '#shared/runtime';
import { decryptMember } from './decrypt.ts';
import { packageLimits as limits } from './limits.ts';
import { type Manifest, type ManifestKey, type ManifestPart, verifyManifest } from './manifest.ts';
import { isMemberName, mediaTypes, memberNames, memberSequence, plaintextName } from './names.ts';
import { isAgeIdentity } from './recipients.ts';
import { type PackageRefusal, refusePackage } from './refusals.ts';
import { readExactly, readTarMembers, type TarMember } from './tar.ts';

export interface PackageToRead {
  readonly file: string;
  /** age X25519 identities, tried in turn. */
  readonly identities: readonly string[];
  /** The service's public disclosure key, obtained otherwise than with the package. */
  readonly manifestKey: ManifestKey;
  /** A folder that does not exist yet. */
  readonly outFolder: string;
}

export interface ReadPackage {
  readonly ok: true;
  readonly manifest: Manifest;
  /** SHA-256 as hex, as in `StagedPackage`; the ledger's entry names one of them. */
  readonly digests: { readonly manifestJws: string; readonly encryptedManifest: string };
  /** Verified by the caller, against the ledger's key and the entry that names the digest. */
  readonly receipt: Buffer;
  /** Files in `outFolder`, relative to it. */
  readonly files: readonly string[];
}

const plaintextBound = {
  [mediaTypes.records]: limits.partBytes,
  [mediaTypes.report]: limits.reportBytes,
} as const;

/**
 * Opens a package: structure, decryption, the manifest's signature, then every part's digests. The folder
 * appears under its name only once all of them have matched, so a package that is refused at its last byte
 * leaves nothing behind: age proves that a part is whole, not who wrote it.
 *
 * Every byte of the file is determined by the signed manifest, but for the receipt, which the caller
 * verifies.
 * @throws whatever the disk throws; a package at fault is a refusal.
 */
export async function readPackage(request: PackageToRead): Promise<ReadPackage | PackageRefusal> {
  if (request.identities.length === 0 || !request.identities.every(isAgeIdentity)) {
    return refusePackage('package.identity');
  }
  const file = await open(request.file, 'r');
  const partial = `${request.outFolder}.partial`;
  try {
    await mkdir(partial, { mode: privateModes.folder });
    try {
      const result = await unpack(file, request, partial);
      if (!result.ok) return result;
      await rename(partial, request.outFolder);
      await syncFolder(dirname(request.outFolder));
      return result;
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  } finally {
    await file.close();
  }
}

async function unpack(
  file: FileHandle,
  request: PackageToRead,
  folder: string,
): Promise<ReadPackage | PackageRefusal> {
  const members = await readTarMembers(file, limits.parts + 4);
  if (members === null || !members.every(({ name }) => isMemberName(name))) {
    return refusePackage('package.structure');
  }
  const [first] = members;
  if (first?.name !== memberNames.manifest)
    return refusePackage('package.member_missing', memberNames.manifest);
  const opened = await openManifest(file, first, request);
  if (!opened.ok) return opened;
  const { manifest, text } = opened;

  const wrongSequence = compareSequence(members, manifest);
  if (wrongSequence !== null) return wrongSequence;
  await mkdir(join(folder, 'parts'), { mode: privateModes.folder });
  for (const [index, part] of manifest.parts.entries()) {
    const refusal = await openPart(file, members[index + 1], part, request.identities, folder);
    if (refusal !== null) return refusal;
  }
  const [receipt, verifyTextBytes] = await Promise.all([
    readSmall(file, members.at(-2), limits.receiptBytes),
    readSmall(file, members.at(-1), limits.verifyTextBytes),
  ]);
  if (receipt === null) return refusePackage('package.too_large', memberNames.receipt);
  if (verifyTextBytes === null) return refusePackage('package.too_large', memberNames.verifyText);
  if (sha256(verifyTextBytes) !== manifest.verifyTextSha256) {
    return refusePackage('package.verify_text_altered', memberNames.verifyText);
  }
  const manifestFile = plaintextName(memberNames.manifest);
  await writeNew(join(folder, manifestFile), text);
  await writeNew(join(folder, memberNames.receipt), receipt);
  await writeNew(join(folder, memberNames.verifyText), verifyTextBytes);
  await syncFolder(join(folder, 'parts'));
  await syncFolder(folder);
  return {
    ok: true,
    manifest,
    digests: opened.digests,
    receipt,
    files: [
      manifestFile,
      ...manifest.parts.map(({ name }) => plaintextName(name)),
      memberNames.receipt,
      memberNames.verifyText,
    ],
  };
}

async function openManifest(file: FileHandle, member: TarMember, request: PackageToRead) {
  const refuse = (code: PackageRefusal['code']) => refusePackage(code, memberNames.manifest);
  if (member.size > limits.manifestBytes + limits.encryptionBytes(limits.manifestBytes)) {
    return refuse('package.too_large');
  }
  const encrypted = createHash('sha256');
  const chunks: Uint8Array[] = [];
  const decrypted = await decryptMember(file, member, request.identities, encrypted, (chunk) => {
    chunks.push(chunk);
  });
  if (!decrypted) return refuse('package.undecryptable');
  const text = Buffer.concat(chunks);
  const verified = await verifyManifest(text.toString('latin1'), request.manifestKey);
  if (!verified.ok) return { ...verified, member: memberNames.manifest };
  const digests = { manifestJws: sha256(text), encryptedManifest: encrypted.digest('hex') };
  return { ok: true as const, manifest: verified.manifest, text, digests };
}

/** The tar file's members must be those that the manifest names, in its order. */
function compareSequence(members: readonly TarMember[], manifest: Manifest): PackageRefusal | null {
  const expected = memberSequence(manifest.parts.length - 1);
  const found = members.map(({ name }) => name);
  const missing = expected.find((name) => !found.includes(name));
  if (missing !== undefined) return refusePackage('package.member_missing', missing);
  const spare = found.find((name, index) => !expected.includes(name) || found.indexOf(name) !== index);
  if (spare !== undefined) return refusePackage('package.member_unexpected', spare);
  const moved = found.find((name, index) => name !== expected[index]);
  return moved === undefined ? null : refusePackage('package.member_order', moved);
}

/** Decrypts one part into the folder and holds it against the manifest. */
async function openPart(
  file: FileHandle,
  member: TarMember | undefined,
  part: ManifestPart,
  identities: readonly string[],
  folder: string,
): Promise<PackageRefusal | null> {
  if (part.bytes > plaintextBound[part.mediaType]) return refusePackage('package.too_large', part.name);
  if (member?.size !== part.encryptedBytes) return refusePackage('package.part_altered', part.name);
  const [encrypted, plain] = [createHash('sha256'), createHash('sha256')];
  let bytes = 0;
  let lines = 0;
  const output = await open(join(folder, plaintextName(part.name)), 'wx', privateModes.file);
  try {
    const decrypted = await decryptMember(file, member, identities, encrypted, async (chunk) => {
      plain.update(chunk);
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
      await output.appendFile(chunk);
    });
    if (!decrypted) return refusePackage('package.undecryptable', part.name);
    await output.sync();
  } finally {
    await output.close();
  }
  const matches =
    encrypted.digest('hex') === part.encryptedSha256 &&
    plain.digest('hex') === part.sha256 &&
    bytes === part.bytes &&
    (part.mediaType === mediaTypes.report || lines === part.records);
  return matches ? null : refusePackage('package.part_altered', part.name);
}

async function readSmall(
  file: FileHandle,
  member: TarMember | undefined,
  maxBytes: number,
): Promise<Buffer | null> {
  return member === undefined || member.size > maxBytes
    ? null
    : readExactly(file, member.offset, member.size);
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', privateModes.file);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
