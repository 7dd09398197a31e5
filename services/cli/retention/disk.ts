import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { diskKeyDigest, lookAtDisk, prepareServerDisk, StoreError } from '#shared/store';
import { folderAt } from '../audit/place.ts';
import { refused, unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { printResult, table } from '../output.ts';

interface DiskOptions {
  readonly keyFile?: string;
  readonly json?: boolean;
}

/** `griffie retention disk`: which keys the files of an encrypted disk need, for who changes them by hand. */
export function addDiskCommand(group: Command, io: CliIo): void {
  group
    .command('disk')
    .argument('<folder>', 'folder of the encrypted disk, or a copy of it')
    .description('which keys the files of an encrypted disk need; read from their headers')
    .option('--key-file <file>', 'a key, 64 hex digits: exit code 1 while a file needs it')
    .addOption(jsonOption())
    .addHelpText('after', example('retention disk /var/lib/clickhouse/griffie/encrypted --key-file old.key'))
    .action(async (folder: string, { keyFile, json }: DiskOptions) => {
      const wanted = keyFile === undefined ? undefined : digestOfKey(await readFile(keyFile, 'utf8'));
      const { uses, files, strange } = await lookAtDisk(await folderAt(folder));
      const keys = [...uses].map(([fingerprint, { dayFiles, firstDay, lastDay, others }]) => ({
        digest: diskKeyDigest({ fingerprint }),
        files: dayFiles + others.length,
        firstDay,
        lastDay,
      }));
      await printResult(io, json, { keys, files, strange }, [
        ...table(
          ['DIGEST', 'FILES', 'DAYS'],
          keys.map(({ digest, files: count, firstDay, lastDay }) => [
            digest.slice(0, 16),
            String(count),
            firstDay === null ? 'none' : `${firstDay} to ${lastDay}`,
          ]),
        ),
        `${files} files, ${strange} of them of no encrypted disk`,
      ]);
      const needing = keys.find(({ digest }) => digest === wanted)?.files ?? 0;
      if (needing > 0 || (wanted !== undefined && strange > 0)) {
        throw refused(
          'disk_key.in_use',
          `${needing} files need the key, and ${strange} do not say what they need`,
        );
      }
    });
}

interface PrepareOptions {
  readonly disk: number;
  readonly keyFolder: string;
  readonly serverConfig: string;
  readonly json?: boolean;
}

/** `griffie retention prepare-disk`: what a ClickHouse server needs to start on its encrypted disk. */
export function addPrepareDiskCommand(group: Command, io: CliIo): void {
  group
    .command('prepare-disk')
    .argument('<folder>', "folder of the server's encrypted disk; need not be there yet")
    .description(
      'before each start of a ClickHouse server, on its host: makes the first key of the disk, sees that all keys ' +
        'are there that its files need, and writes them where the server reads them',
    )
    .requiredOption('--key-folder <folder>', 'where the keys are, outside the disk; made where it is missing')
    .requiredOption(
      '--server-config <file>',
      "file in the server's conf.d or config.d, of this command alone",
    )
    .option(
      '--disk <number>',
      "of this host's disk, where several hosts of a cluster have one",
      diskArgument,
      0,
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'retention prepare-disk /var/lib/clickhouse/griffie/encrypted --key-folder /var/lib/griffie-disk-keys --server-config /etc/clickhouse-server/conf.d/storage_keys.xml',
      ),
    )
    .action(async (folder: string, { disk: number, keyFolder, serverConfig, json }: PrepareOptions) => {
      const disk = await prepareServerDisk({
        folder,
        keyFolder,
        configurationFile: serverConfig,
        disk: number,
        now: io.now(),
      }).catch((error: unknown) => {
        throw error instanceof StoreError ? refused(error.code, error.message) : error;
      });
      const keys = (await disk.keys.list()).map(({ id, digest, createdAt }) => ({ id, digest, createdAt }));
      await printResult(io, json, { keys }, [
        ...table(
          ['DISK KEY', 'DIGEST', 'MADE'],
          keys.map(({ id, digest, createdAt }) => [String(id), digest.slice(0, 16), createdAt.slice(0, 10)]),
        ),
        'The server finds them at its next start.',
      ]);
    });
}

function diskArgument(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Write a number from 0 to 999.');
  return Number(text);
}

function digestOfKey(text: string): string {
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw unusable('disk_key.file', 'the key file has no 64 hex digits');
  return diskKeyDigest({ key: Buffer.from(hex, 'hex') });
}
