import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import {
  CaseFileError,
  createMasterKey,
  MasterKeyError,
  masterKeyId,
  RewrapError,
  readCaseKey,
  readMasterKeyFile,
  rewrapCases,
  rotateMasterKeyFile,
} from '#shared/case-files';
import { erasureReasons } from '#shared/control';
import { refused, unusable } from '../errors.ts';
import { fileError, writeNewFile } from '../files.ts';
import { type InstallationFolders, installationFolders, withLedgerLock } from '../installation.ts';
import { type CliIo, write } from '../io.ts';
import { example, idArgument, jsonOption, type SignedOptions, signed, signedClient } from '../options.ts';
import { pairs, printResult } from '../output.ts';

const erasureView = z.object({ orderId: z.string(), erasedAt: z.string(), gone: z.boolean() });

/** Name of the variable that may hold the master keys; the service reads the same. */
const masterVariable = 'DISCLOSURE_CASE_MASTER_KEYS';

interface FolderOptions {
  readonly data: string;
  readonly keys?: string;
  readonly json?: boolean;
}

/** `griffie case …`: what is kept of an order, and the keys that it is kept under. */
export function addCaseCommands(program: Command, io: CliIo): void {
  const cases = program.command('case').description("orders' case files and their keys");
  addErase(cases, io);
  addKey(cases, io);
  addRotateMaster(cases, io);
}

function addErase(cases: Command, io: CliIo): void {
  signed(cases.command('erase'))
    .argument('<id>', 'order id', idArgument)
    .description('destroy the key and the files of an order that has ended (reviewer, not its registrar)')
    .addOption(new Option('--reason <reason>', 'why').choices(erasureReasons).makeOptionMandatory())
    .addHelpText(
      'after',
      example('case erase 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --reason period_over'),
    )
    .action(async (id: string, options: SignedOptions & { readonly reason: string }) => {
      const client = await signedClient(io, options.as);
      const erased = await client.post(`/v1/orders/${id}/erasure`, { reason: options.reason }, erasureView);
      await printResult(io, options.json, erased, [
        ...pairs({ order: erased.orderId, erased: erased.erasedAt }),
        erased.gone
          ? 'The key of its case is destroyed and the files are removed. Backups keep what they have.'
          : 'It is in the ledger; key and files could not be removed yet. The service tries again every hour.',
      ]);
    });
}

function addKey(cases: Command, io: CliIo): void {
  inFolders(cases.command('key'))
    .argument('<id>', 'order id', idArgument)
    .description("write the key of one case to a new file, to hand its files on: it opens no other case's")
    .requiredOption('--out <file>', 'new file for it')
    .addHelpText('after', example('case key 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --out case-identity.txt'))
    .action(async (id: string, options: FolderOptions & { readonly out: string }) => {
      const { caseFolder, keyFolder } = installationFolders(options);
      const key = await unlocking(async () => readCaseKey(caseFolder, id, await masterKeyOf(io, keyFolder)));
      await writeNewFile(options.out, `# Case ${id}\n${key}\n`);
      await printResult(io, options.json, { orderId: id, file: options.out }, [
        `${options.out}: opens the files in ${join(caseFolder, id)}, also with age -d -i ${options.out}`,
      ]);
    });
}

function addRotateMaster(cases: Command, io: CliIo): void {
  inFolders(cases.command('rotate-master'))
    .description("wrap every case's key under a new master key; the service must be stopped")
    .addHelpText('after', example('case rotate-master --data /var/lib/griffie --keys /etc/griffie/keys'))
    .action(async (options: FolderOptions) => {
      const folders = installationFolders(options);
      await refuseReplicas(folders);
      const result = await withLedgerLock(folders, () => unlocking(() => rotate(io, folders)));
      await printResult(io, options.json, result, [
        ...pairs({ from: result.from, to: result.to, cases: result.cases }),
        ...('keyFile' in result
          ? [`Back up ${result.keyFile}. Whatever backups have under the old key, it alone can open.`]
          : [`Now take the keys before the last out of ${masterVariable}.`]),
      ]);
      if ('resumed' in result && result.resumed) {
        await write(
          io.stderr,
          'An earlier rotation had been cut off: it was finished, no new key was made.\n',
        );
      }
    });
}

/** Every replica wraps keys by itself: with another master key on one of them, nobody could open the others' cases. */
async function refuseReplicas({ keyFolder }: InstallationFolders): Promise<void> {
  const { isReplicated } = await import('#services/disclosure');
  if (await isReplicated(keyFolder)) {
    throw refused(
      'rotation.replicas',
      'several replicas share these case files, and their master key cannot be changed yet',
    );
  }
}

async function rotate(io: CliIo, { caseFolder, keyFolder }: InstallationFolders) {
  const given = io.env[masterVariable];
  if (given === undefined || given === '') {
    const keyFile = masterKeyFile(keyFolder);
    return { ...(await rotateMasterKeyFile(keyFile, caseFolder)), keyFile };
  }
  const keys = given.split(/[\s,]+/).filter((key) => key !== '');
  if (keys.length < 2) {
    throw unusable('usage', `put the new master key behind the old one in ${masterVariable}, after a comma`);
  }
  const { cases } = await rewrapCases(caseFolder, createMasterKey(given));
  return { from: masterKeyId(keys[0] ?? ''), to: masterKeyId(keys.at(-1) ?? ''), cases };
}

export const masterKeyFile = (keyFolder: string): string => join(keyFolder, 'case-master-keys.txt');

async function masterKeyOf(io: CliIo, keyFolder: string) {
  return createMasterKey(io.env[masterVariable] || (await readMasterKeyFile(masterKeyFile(keyFolder))));
}

/** Master keys from a file, for `audit verify`. */
export const readMasterKey = (file: string) =>
  unlocking(async () => createMasterKey(await readMasterKeyFile(resolve(file))));

async function unlocking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MasterKeyError) throw unusable(error.code, error.message);
    if (error instanceof CaseFileError || error instanceof RewrapError)
      throw refused(error.code, error.message);
    throw error instanceof Error && 'path' in error ? fileError(String(error.path), error) : error;
  }
}

/** Options of commands that work on an installation's own folders. */
export function inFolders(command: Command): Command {
  return command
    .option('--data <folder>', 'folder of the installation', './griffie-data')
    .option('--keys <folder>', 'folder of its keys (default: keys in the data folder)')
    .addOption(jsonOption());
}
