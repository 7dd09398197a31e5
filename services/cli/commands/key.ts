import { generateIdentity, identityToRecipient } from 'age-encryption';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { labelSchema } from '#shared/control';
import { utc } from '#shared/runtime';
import { generateKey, type SignatureAlgorithm, type SignerKey } from '#shared/signed-request';
import {
  algorithmNames,
  openCredential,
  publicKeyOf,
  writeCredentialFile,
  writeTokenFile,
} from '../credential-file.ts';
import { requireAbsent, writeNewFile } from '../files.ts';
import type { CliIo } from '../io.ts';
import { asOption, example, jsonOption, serviceUrlArgument } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { openTokenKey, parseTokenUri, tokenUri } from '../pkcs11/index.ts';

interface NewOptions {
  readonly credential: string;
  readonly service: string;
  readonly out: string;
  readonly algorithm?: SignatureAlgorithm;
  readonly pkcs11?: string;
  readonly json?: boolean;
}

interface PublicOptions {
  readonly as: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `griffie key …`: keys are made here, by their owner, and the private one never leaves its file. */
export function addKeyCommands(program: Command, io: CliIo): void {
  const key = program.command('key').description('make keys, and show their public halves');

  key
    .command('new')
    .description('make a credential file: a key that signs your requests')
    .requiredOption(
      '--credential <id>',
      'id of the credential, agreed with your administrator',
      labelArgument,
    )
    .requiredOption('--service <url>', 'public URL of the service', serviceUrlArgument)
    .requiredOption('--out <file>', 'new file for it; only you can read it')
    .addOption(
      new Option('--algorithm <name>', 'signature algorithm (default: ES256)').choices(algorithmNames),
    )
    .addOption(
      new Option('--pkcs11 <uri>', 'take a key that is on a token, such as a smart card').conflicts(
        'algorithm',
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('key new --credential j-devries-1 --service https://griffie.example.nl --out me.json'),
    )
    .action(async (options: NewOptions) => {
      const { credential, service, out, json } = options;
      await requireAbsent(out);
      const { alg: algorithm, kid: thumbprint } = await makeCredential(io, options);
      const result = { credentialId: credential, service, algorithm, thumbprint, file: out };
      await printResult(io, json, result, [
        ...pairs({ credential, algorithm, thumbprint, file: out }),
        '',
        `Next: griffie key public --as ${out} --out ${credential}.public.json`,
        'and give that file to two administrators; tell them the thumbprint by another channel.',
      ]);
    });

  key
    .command('public')
    .description('show the public half of a credential, for the administrators; good for thirty days')
    .addOption(asOption())
    .option('--out <file>', 'write it to a new file')
    .addOption(jsonOption())
    .addHelpText('after', example('key public --as me.json --out me.public.json'))
    .action(async ({ as, out, json }: PublicOptions) => {
      const half = await publicKeyOf(await openCredential(io, as), io.now());
      if (out === undefined) return printResult(io, true, half, []);
      await writeNewFile(out, `${JSON.stringify(half, null, 2)}\n`);
      await printResult(io, json, { ...half, file: out }, pairs({ thumbprint: half.thumbprint, file: out }));
    });

  key
    .command('recipient')
    .description('make an age identity: the key that packages are encrypted to')
    .requiredOption('--out <file>', 'new file for the identity; only you can read it')
    .addOption(jsonOption())
    .addHelpText('after', example('key recipient --out identity.txt'))
    .action(async ({ out, json }: { readonly out: string; readonly json?: boolean }) => {
      await requireAbsent(out);
      const identity = await generateIdentity();
      const recipient = await identityToRecipient(identity);
      // The form that age-keygen writes, so that age itself can use the file.
      await writeNewFile(out, `# created: ${utc(io.now())}\n# public key: ${recipient}\n${identity}\n`);
      await printResult(io, json, { recipient, file: out }, [recipient]);
    });
}

/** A new key in the credential file, or one on a token, which the file names. */
async function makeCredential(
  io: CliIo,
  { credential, service, out, algorithm = 'ES256', pkcs11 }: NewOptions,
): Promise<SignerKey> {
  const names = { credentialId: credential, service };
  if (pkcs11 === undefined) {
    const key = await generateKey(algorithm);
    await writeCredentialFile(out, { ...names, key });
    return key;
  }
  const { key, found } = await openTokenKey(io, parseTokenUri(pkcs11));
  await writeTokenFile(out, { ...names, key, pkcs11: tokenUri(found) });
  return key;
}

function labelArgument(text: string): string {
  const parsed = labelSchema.safeParse(text);
  if (!parsed.success) {
    throw new InvalidArgumentError('Use 1 to 64 lower-case letters, digits and hyphens.');
  }
  return parsed.data;
}
