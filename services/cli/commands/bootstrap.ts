import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { labelSchema } from '#shared/control';
import { type PublicKeyFile, readPublicKeyFile } from '../credential-file.ts';
import { unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { printResult, table } from '../output.ts';

interface Named {
  readonly person: string;
  readonly file: string;
}

interface BootstrapOptions {
  readonly administrator: readonly Named[];
  readonly data?: string;
  readonly keys?: string;
  readonly json?: boolean;
}

/**
 * `griffie service bootstrap`: the ceremony on the console of the server. It only leaves the public keys for
 * the next start, so that it needs neither a service that runs nor the engine.
 */
export function addBootstrapCommand(service: Command, io: CliIo): void {
  service
    .command('bootstrap')
    .description('name the first two administrators, on the console of the server, before the next start')
    .option(
      '--administrator <person=file>',
      'id of the person and the public key file that they brought; twice',
      administratorArgument,
      [],
    )
    .option('--data <folder>', 'data folder of griffie start; its keys lie in keys/')
    .option('--keys <folder>', 'key folder of a disclosure service of its own')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'service bootstrap --data griffie-data --administrator alice=alice.public.json --administrator bob=bob.public.json',
      ),
    )
    .action(async ({ administrator, data, keys, json }: BootstrapOptions) => {
      const folder = await keyFolderOf(data, keys);
      const people = new Set(administrator.map(({ person }) => person));
      // One alone where another is left: after a loss.
      if (people.size === 0 || people.size > 2 || people.size < administrator.length) {
        throw unusable('bootstrap.people', 'name two administrators, who are two people');
      }
      const files = await Promise.all(administrator.map(({ file }) => readPublicKeyFile(file)));
      const administrators = files.map((file, i) => ({ ...file, personId: administrator[i]?.person ?? '' }));
      if (new Set(files.map(({ thumbprint }) => thumbprint)).size < files.length) {
        throw unusable('bootstrap.people', 'the same key was given twice; each administrator has their own');
      }
      const { writeCeremony } = await import('#services/disclosure');
      const written = await writeCeremony(folder, administrators);
      await printResult(io, json, { file: written, administrators: administrators.map(shown) }, [
        ...table(
          ['PERSON', 'CREDENTIAL', 'THUMBPRINT'],
          administrators.map(({ personId, credentialId, thumbprint }) => [
            personId,
            credentialId,
            thumbprint,
          ]),
        ),
        '',
        'Let each of them compare the thumbprint with their own. The next start enrols them, and the ledger says so.',
        'It does so only while fewer than two people can act as administrators.',
      ]);
    });
}

const shown = ({ personId, credentialId, thumbprint }: PublicKeyFile & { readonly personId: string }) => ({
  personId,
  credentialId,
  thumbprint,
});

async function keyFolderOf(data: string | undefined, keys: string | undefined): Promise<string> {
  if ((data === undefined) === (keys === undefined)) {
    throw unusable('usage.folder', 'give either --data or --keys');
  }
  if (keys !== undefined) return keys;
  const { keyFolderIn } = await import('#services/standalone');
  return keyFolderIn(data ?? '');
}

function administratorArgument(text: string, previous: readonly Named[]): readonly Named[] {
  const at = text.indexOf('=');
  const [person, file] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 0 || file === '' || !labelSchema.safeParse(person).success) {
    throw new InvalidArgumentError('Write the id of the person, = and the file: alice=alice.public.json.');
  }
  return [...previous, { person, file }];
}
