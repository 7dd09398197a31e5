import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { diskKeyDigest, lookAtDisk } from '#shared/store';
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

function digestOfKey(text: string): string {
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw unusable('disk_key.file', 'the key file has no 64 hex digits');
  return diskKeyDigest({ key: Buffer.from(hex, 'hex') });
}
