import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { collectGarbage, privateModes, syncFolder } from '#shared/runtime';
import type { ReleasedLines } from '#shared/traffic';
import { EncryptedFiles } from './encrypted-files.ts';
import { PackageError } from './errors.ts';
import { packageLimits as limits } from './limits.ts';
import {
  type IncompleteReason,
  type Manifest,
  type ManifestPart,
  type ManifestSigner,
  manifestVersion,
  signManifest,
} from './manifest.ts';
import { mediaTypes, memberNames } from './names.ts';
import { PartSource } from './parts.ts';
import { checkRecipients } from './recipients.ts';
import { RecordDigest, type ReportContext, renderReport } from './report/index.ts';
import { verifyText } from './verify-text.ts';

/*
 * A package is made in two steps, because the ledger comes between them:
 *
 *   1. stagePackage   parts, report and signed manifest, encrypted and synced, in a folder of their own
 *   2. the caller appends `disclosure.released` with the digests, and obtains the receipt
 *   3. sealPackage    the receipt beside the staged members, and the folder where packages are fetched
 *
 * Killed before 2, the folder is rubbish to be removed; killed after it, step 3 is done again from the
 * folder and the ledger. Neither step ever has plaintext on the disk. The tar file is made as it is fetched.
 */

export interface PackageRequest {
  /** A folder that does not exist yet, on the disk that the package will be on. */
  readonly folder: string;
  /** Projected to what was granted, ordered by `occurredAt`. */
  readonly records: AsyncIterable<ReleasedLines>;
  /** age X25519 recipients that the order names. */
  readonly recipients: readonly string[];
  readonly signer: ManifestSigner;
  readonly packageId: string;
  readonly orderId: string;
  readonly requestId: string;
  /** RFC 3339 UTC. */
  readonly createdAt: string;
  readonly softwareVersion: string;
  readonly query: Manifest['query'];
  readonly window: Manifest['window'];
  /** Asked for after the last record, so that a bound that was reached on the way is known. */
  readonly incompleteBecause: () => readonly IncompleteReason[];
  readonly report: ReportContext;
  /** Smaller parts than `packageLimits.partBytes`, for tests. */
  readonly partBytes?: number;
}

export interface StagedPackage {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manifestJws: string;
  /** SHA-256 as hex: of the compact JWS, and of `manifest.jws.age` as it stands in the package. */
  readonly digests: { readonly manifestJws: string; readonly encryptedManifest: string };
}

/**
 * Makes everything of a package but the receipt. What it returns is durable.
 * @throws {PackageError} and whatever the records' source or the disk throws; the folder is gone then.
 */
export async function stagePackage(request: PackageRequest): Promise<StagedPackage> {
  checkRecipients(request.recipients);
  await mkdir(request.folder, { mode: privateModes.folder });
  const files = new EncryptedFiles(request.recipients);
  try {
    return await stage(request, files);
  } catch (error) {
    // Before the folder goes, so that nothing is written into it any more.
    await files.close();
    await rm(request.folder, { recursive: true, force: true });
    throw error;
  } finally {
    await files.close();
  }
}

async function stage(request: PackageRequest, files: EncryptedFiles): Promise<StagedPackage> {
  const { folder, recipients } = request;
  await mkdir(join(folder, 'parts'), { mode: privateModes.folder });
  const digest = new RecordDigest(limits.recordsInReport);
  const parts = await writeRecords(request, files, digest);
  const text = verifyText(parts.length);
  const records = parts.reduce((sum, part) => sum + ('records' in part ? part.records : 0), 0);
  const reasons = [...request.incompleteBecause()];
  const draft: Omit<Manifest, 'parts'> = {
    version: manifestVersion,
    packageId: request.packageId,
    nonce: randomBytes(32).toString('base64url'),
    orderId: request.orderId,
    requestId: request.requestId,
    createdAt: request.createdAt,
    software: { name: 'griffie', version: request.softwareVersion },
    query: request.query,
    window: request.window,
    completeness: {
      state: records === 0 ? 'none' : reasons.length > 0 ? 'incomplete' : 'complete',
      reasons,
    },
    records,
    recipients: [...recipients],
    verifyTextSha256: createHash('sha256').update(text).digest('hex'),
  };
  const report = await files.write(
    join(folder, memberNames.report),
    renderReport({ ...draft, parts }, digest, request.report),
  );
  // A report of a thousand records leaves 35 MB of the library's objects.
  collectGarbage();
  parts.push({ name: memberNames.report, mediaType: mediaTypes.report, ...report });
  const manifest: Manifest = { ...draft, parts };
  const manifestJws = await signManifest(manifest, request.signer);
  const written = await files.write(join(folder, memberNames.manifest), once(manifestJws));
  await files.sync();
  const file = await open(join(folder, memberNames.verifyText), 'wx', privateModes.file);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  for (const path of [join(folder, 'parts'), folder, dirname(folder)]) await syncFolder(path);
  return {
    folder,
    manifest,
    manifestJws,
    digests: { manifestJws: written.sha256, encryptedManifest: written.encryptedSha256 },
  };
}

async function writeRecords(
  request: PackageRequest,
  files: EncryptedFiles,
  digest: RecordDigest,
): Promise<ManifestPart[]> {
  const parts: ManifestPart[] = [];
  const source = new PartSource(digest.watch(request.records), request.partBytes ?? limits.partBytes);
  try {
    while (await source.hasPart()) {
      if (parts.length >= limits.parts) {
        throw new PackageError('package.too_many_parts', `a package has at most ${limits.parts} parts`);
      }
      const before = source.records;
      const name = memberNames.records(parts.length + 1);
      const written = await files.write(join(request.folder, name), source.part());
      parts.push({ name, mediaType: mediaTypes.records, ...written, records: source.records - before });
    }
  } finally {
    await source.close();
  }
  return parts;
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
