import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type LedgerReader, type LogReport, verifyLog } from '#shared/ledger';
import { readTileDirectory } from '#shared/ledger-storage';
import { createApiClient } from '../api-client.ts';
import { createEntryReplay, type ReplayReport } from '../audit/entry-replay.ts';
import { httpLedgerReader } from '../audit/http-reader.ts';
import { readCredentialFile } from '../credential-file.ts';
import { refused, unusable } from '../errors.ts';
import { fileError } from '../files.ts';
import { type CliIo, write } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { type PinnedKeys, readPinFile, usableKeys } from '../pin-file.ts';
import { parseServiceUrl, serviceUrlRule } from '../service-url.ts';
import { fetchKeys } from './service.ts';

interface VerifyOptions {
  readonly as?: string;
  readonly keys?: string;
  readonly json?: boolean;
}

interface LedgerToVerify {
  readonly reader: LedgerReader;
  readonly keys: PinnedKeys;
  readonly arePinned: boolean;
}

/** `griffie audit …`: from the ledger's files alone, so that nobody need believe the service. */
export function addAuditCommands(program: Command, io: CliIo): void {
  const audit = program.command('audit').description('verify the ledger');

  audit
    .command('verify')
    .argument('<url|folder>', 'URL of the service, or a copy of its ledger folder')
    .description('recompute the tree from the entries, and replay every entry by the rules')
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .option('--keys <file>', 'pinned keys of the service; needed for a folder')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'audit verify https://griffie.example.nl --as auditor.json --keys griffie-keys.json',
        'audit verify ./ledger-copy --keys griffie-keys.json',
      ),
    )
    .action(async (place: string, options: VerifyOptions) => {
      const { reader, keys, arePinned } = /^https?:/i.test(place)
        ? await openService(io, place, options)
        : await openFolder(place, options);
      const replay = createEntryReplay(reader);
      const log = await verifyLog(replay.reader, {
        verifiers: [keys.ledgerVerifier],
        ...(io.stderr.isTTY ? { onProgress: progress(io) } : {}),
      });
      const replayed = replay.report();
      const problems = [...log.problems, ...(replayed.problem === null ? [] : [replayed.problem])];
      if (problems.length > 0) {
        throw refused(
          'audit.not_verified',
          `the ledger at ${place} is not what was signed, or was not written by the rules; keep a copy and report this`,
          problems.map(({ code, sentence }) => ({ path: '', sentence, rule: code })),
        );
      }
      await printResult(
        io,
        options.json,
        resultOf(log, replayed, arePinned),
        reportLines(log, replayed, arePinned),
      );
    });
}

async function openService(io: CliIo, place: string, options: VerifyOptions): Promise<LedgerToVerify> {
  const service = parseServiceUrl(place);
  if (service === null) throw unusable('usage', `${place} ${serviceUrlRule}`);
  if (options.as === undefined) {
    throw unusable('usage', "entries are for auditors only; add --as with an auditor's credential file");
  }
  const credential = await readCredentialFile(options.as);
  if (credential.service !== service) {
    throw unusable('usage', `${options.as} is a credential for ${credential.service}; use that URL`);
  }
  const { credentialId, key } = credential;
  const anyone = createApiClient({ io, service });
  const auditor = createApiClient({ io, service, signer: { credentialId, key } });
  const reader = httpLedgerReader(anyone, auditor);
  if (options.keys !== undefined) return { reader, keys: await readPinFile(options.keys), arePinned: true };
  const keys = await usableKeys(await fetchKeys(io, service));
  if (keys === null)
    throw unusable('service.keys', `the service at ${service} gave keys that cannot be used`);
  return { reader, keys, arePinned: false };
}

async function openFolder(place: string, options: VerifyOptions): Promise<LedgerToVerify> {
  if (options.keys === undefined) {
    throw unusable(
      'usage',
      'a folder cannot vouch for itself; add --keys with the pinned keys of the service',
    );
  }
  const folder = resolve(place);
  try {
    if (!(await stat(folder)).isDirectory())
      throw unusable('usage', `${place} is no folder; give a ledger's`);
  } catch (error) {
    throw fileError(place, error);
  }
  return { reader: readTileDirectory(folder), keys: await readPinFile(options.keys), arePinned: true };
}

/** Shows how far it is, on one line, at most ten times a second. */
function progress(io: CliIo): (entries: number, size: number) => void {
  let shownAt = 0;
  return (entries, size) => {
    const isLast = entries === size;
    if (!isLast && io.now() - shownAt < 100) return;
    shownAt = io.now();
    void write(io.stderr, `\r${entries} of ${size} entries${isLast ? '\n' : ''}`).catch(() => {});
  };
}

function resultOf(log: LogReport, replayed: ReplayReport, arePinned: boolean): object {
  return {
    verified: true,
    origin: log.origin,
    size: log.size,
    root: Buffer.from(log.root).toString('base64'),
    tilesCompared: log.checked.tiles,
    entriesReplayed: replayed.entries,
    signaturesVerified: replayed.signaturesVerified,
    counts: replayed.counts,
    keysPinned: arePinned,
  };
}

function reportLines(log: LogReport, replayed: ReplayReport, arePinned: boolean): string[] {
  const kinds = Object.entries(replayed.counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    'The ledger is verified. Checked were:',
    `  - the checkpoint of ${log.size} entries is signed by the key of ${log.origin}`,
    `  - the tree recomputed from all ${log.checked.entries} entries has the root that was signed`,
    `  - all ${log.checked.tiles} hash tiles agree with it`,
    `  - each entry follows from those before it by the rules of this version`,
    `  - ${replayed.signaturesVerified} signed requests are by the keys of those who made them`,
    '',
    ...pairs(Object.fromEntries(kinds)),
    '',
    `root  ${Buffer.from(log.root).toString('base64')}`,
    ...(arePinned
      ? []
      : ['', 'The keys came from the service itself: this shows no forgery by the service. Use --keys.']),
  ];
}
