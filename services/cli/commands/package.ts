import { rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Manifest, ReadPackage } from '#shared/disclosure-package';
import { refused, unusable } from '../errors.ts';
import { fileError, readBounded, requireAbsent, smallFileBytes } from '../files.ts';
import type { CliIo } from '../io.ts';
import { example, idArgument, jsonOption } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { type PinnedKeys, readPinFile } from '../pin-file.ts';
import { type ReleaseReceipt, receiptRefusals, verifyReleaseReceipt } from '../release-receipt.ts';

interface OpenOptions {
  readonly identity: string;
  readonly keys: string;
  readonly out: string;
  readonly orderId?: string;
  readonly json?: boolean;
}

/** `griffie package …`: needs no service, so that it works years later. */
export function addPackageCommands(program: Command, io: CliIo): void {
  const group = program.command('package').description('decrypt and verify a package');

  group
    .command('open')
    .argument('<file>', 'package (.tar)')
    .description('decrypt a package and verify it whole; nothing of one that is refused is kept')
    .requiredOption('--identity <file>', 'your age identity (made by griffie key recipient or age-keygen)')
    .requiredOption('--keys <file>', 'pinned keys of the service (made by griffie service keys)')
    .requiredOption('--out <folder>', 'new folder for the contents')
    .option('--order-id <id>', 'refuse a package that is for another order', idArgument)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('package open package.tar --identity identity.txt --keys griffie-keys.json --out disclosure'),
    )
    .action(async (file: string, options: OpenOptions) => {
      const { out, json } = options;
      const { opened, receipt, keys } = await openVerified(file, options);
      const { manifest } = opened;
      const result = {
        verified: true,
        packageId: manifest.packageId,
        orderId: manifest.orderId,
        disclosureId: manifest.requestId,
        records: manifest.records,
        completeness: manifest.completeness,
        window: manifest.window,
        manifestKeyId: keys.manifestKey.kid,
        ledger: { index: receipt.index, releasedAt: receipt.releasedAt, checkpoint: receipt.checkpoint },
        folder: out,
        files: opened.files,
      };
      await printResult(io, json, result, reportLines(manifest, receipt, keys, out, opened.files));
    });
}

type Verified = Extract<ReleaseReceipt, { ok: true }>;

/**
 * Opens the package into a folder of another name beside `out`; it gets its own once the receipt, too, has
 * been verified.
 */
async function openVerified(
  file: string,
  options: OpenOptions,
): Promise<{ opened: ReadPackage; receipt: Verified; keys: PinnedKeys }> {
  const { out, orderId } = options;
  const keys = await readPinFile(options.keys);
  const identities = await readIdentities(options.identity);
  const unverified = `${out}.unverified`;
  for (const path of [out, unverified, `${unverified}.partial`]) await requireAbsent(path);
  // pdfkit and tar come with it: other commands need not wait for them.
  const { packageRefusals, readPackage } = await import('#shared/disclosure-package');
  try {
    const { manifestKey } = keys;
    const opened = await readPackage({ file, identities, manifestKey, outFolder: unverified });
    if (!opened.ok) {
      const where = opened.member === undefined ? '' : ` (${opened.member})`;
      throw refused(opened.code, `${file} is refused${where}: ${packageRefusals[opened.code]}`);
    }
    const receipt = verifyReleaseReceipt(opened, keys);
    if (!receipt.ok) throw refused(receipt.code, `${file} is refused: ${receiptRefusals[receipt.code]}`);
    if (orderId !== undefined && opened.manifest.orderId !== orderId) {
      throw refused(
        'package.other_order',
        `${file} is for another order than ${orderId}; fetch the right one`,
      );
    }
    await rename(unverified, out);
    return { opened, receipt, keys };
  } catch (error) {
    await rm(unverified, { recursive: true, force: true });
    throw fileError(file, error);
  }
}

/** Identities of a file in age-keygen's form: one a line, among comments and empty lines. */
export async function readIdentities(path: string): Promise<string[]> {
  const text = (await readBounded(path, smallFileBytes)).toString('utf8');
  const identities = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const { isAgeIdentity } = await import('#shared/disclosure-package');
  if (identities.length === 0 || !identities.every(isAgeIdentity)) {
    throw unusable('file.wrong_form', `${path} holds no age identity; give the file with AGE-SECRET-KEY-1…`);
  }
  return identities;
}

function reportLines(
  manifest: Manifest,
  receipt: Verified,
  keys: PinnedKeys,
  out: string,
  files: readonly string[],
): string[] {
  const { asked, available } = manifest.window;
  const { state, reasons } = manifest.completeness;
  const { origin, size } = receipt.checkpoint;
  return [
    'The package is verified. Checked were:',
    '  - the file holds exactly the members that the manifest names, in its order',
    `  - the manifest is signed by the service's key ${keys.manifestKey.kid}`,
    `  - all ${manifest.parts.length} parts were decrypted and have the digests that the manifest names`,
    `  - entry ${receipt.index} of the ledger ${origin} announced this manifest at ${receipt.releasedAt}`,
    `  - that entry is in the ledger's tree of ${size} entries, which the pinned key signed`,
    '',
    ...pairs({
      package: manifest.packageId,
      order: manifest.orderId,
      disclosure: manifest.requestId,
      made: manifest.createdAt,
      records: manifest.records,
      completeness: reasons.length === 0 ? state : `${state}: ${reasons.join(', ')}`,
      'window asked': `${asked.from} to ${asked.to}`,
      'data held for': available === null ? 'no part of it' : `${available.from} to ${available.to}`,
      folder: out,
    }),
    ...files.map((name) => `  ${name}`),
  ];
}
