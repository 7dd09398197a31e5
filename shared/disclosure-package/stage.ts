import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { collectGarbage, privateModes, syncFolder } from '#shared/runtime';
import type { LineSource } from '#shared/traffic';
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
import type { OriginCounts, Written } from './package-thread/messages.ts';
import { checkRecipients } from './recipients.ts';
import { type ReportContext, renderReport } from './report/index.ts';
import { PackageThread } from './thread.ts';
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
  /** Lines of what `query.scope` grants: each is held against it, and one that is nothing of it is a fault. */
  readonly records: LineSource;
  /** Told from time to time how much of the records is encrypted. */
  readonly told?: (soFar: Written) => void;
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
  readonly origins: OriginCounts;
  /** SHA-256 as hex: of the compact JWS, and of `manifest.jws.age` as it stands in the package. */
  readonly digests: { readonly manifestJws: string; readonly encryptedManifest: string };
}

/**
 * Makes everything of a package but the receipt. What it returns is durable.
 * @throws an error with a code of `PackageErrorCode`, and whatever the records' source or the disk throws; the
 * folder is gone then.
 */
export async function stagePackage(request: PackageRequest): Promise<StagedPackage> {
  checkRecipients(request.recipients);
  await mkdir(request.folder, { mode: privateModes.folder });
  const thread = new PackageThread(request.recipients);
  try {
    return await stage(request, thread);
  } catch (error) {
    // Before the folder goes, so that nothing is written into it any more.
    await thread.close();
    await rm(request.folder, { recursive: true, force: true });
    throw error;
  } finally {
    await thread.close();
  }
}

async function stage(request: PackageRequest, thread: PackageThread): Promise<StagedPackage> {
  const { folder, recipients, query } = request;
  await mkdir(join(folder, 'parts'), { mode: privateModes.folder });
  const written = await thread.writeRecords(
    { folder, scope: query.scope, partBytes: request.partBytes ?? limits.partBytes },
    request.records,
    request.told,
  );
  const parts = written.parts.map(
    (part, index): ManifestPart => ({
      name: memberNames.records(index + 1),
      mediaType: mediaTypes.records,
      ...part,
    }),
  );
  const text = verifyText(parts.length);
  const records = written.parts.reduce((sum, part) => sum + part.records, 0);
  const reasons = [...request.incompleteBecause()];
  const draft: Omit<Manifest, 'parts'> = {
    version: manifestVersion,
    packageId: request.packageId,
    nonce: randomBytes(32).toString('base64url'),
    orderId: request.orderId,
    requestId: request.requestId,
    createdAt: request.createdAt,
    software: { name: 'griffie', version: request.softwareVersion },
    query,
    window: request.window,
    completeness: {
      state: records === 0 ? 'none' : reasons.length > 0 ? 'incomplete' : 'complete',
      reasons,
    },
    records,
    recipients: [...recipients],
    verifyTextSha256: createHash('sha256').update(text).digest('hex'),
  };
  const report = await thread.writeFile(
    join(folder, memberNames.report),
    renderReport({ ...draft, parts }, written.digest, request.report),
  );
  // A report of a thousand records leaves 35 MB of the library's objects.
  collectGarbage();
  parts.push({ name: memberNames.report, mediaType: mediaTypes.report, ...report });
  const manifest: Manifest = { ...draft, parts };
  const manifestJws = await signManifest(manifest, request.signer);
  const manifestFile = await thread.writeFile(join(folder, memberNames.manifest), once(manifestJws));
  await thread.sync();
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
    origins: written.origins,
    digests: { manifestJws: manifestFile.sha256, encryptedManifest: manifestFile.encryptedSha256 },
  };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
