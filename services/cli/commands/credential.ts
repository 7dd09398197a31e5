import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Role, roles, thumbprintSchema } from '#shared/control';
import { utc } from '#shared/runtime';
import { readPublicKeyFile } from '../credential-file.ts';
import type { CliIo } from '../io.ts';
import { example, type SignedOptions, signed, signedClient, timeArgument } from '../options.ts';
import { pairs, printResult, table } from '../output.ts';
import { type CredentialView, credentialView, cutNote, listOf } from '../views.ts';

interface EnrolOptions extends SignedOptions {
  readonly key: string;
  readonly person: string;
  readonly role: Role;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

const revocationReasons = ['left', 'lost', 'compromised', 'superseded', 'other'];

/** `griffie credential …`: for administrators, who never see records or orders. */
export function addCredentialCommands(program: Command, io: CliIo): void {
  const credential = program.command('credential').description('enrol, revoke and list credentials');

  signed(credential.command('enrol'))
    .description('enrol the public key of a person for one role')
    .requiredOption('--key <file>', 'public key file that the person gave you')
    .requiredOption('--person <id>', 'id of the person: the same for all their credentials')
    .addOption(new Option('--role <role>', 'the one role').choices(roles).makeOptionMandatory())
    .option('--not-before <time>', 'first instant of validity (default: now)', timeArgument)
    .option('--not-after <time>', 'end of validity (default: a year later)', timeArgument)
    .addHelpText(
      'after',
      example(
        'credential enrol --as admin.json --key j-devries-1.public.json --person j-devries --role officer',
      ),
    )
    .action(async (options: EnrolOptions) => {
      const { credentialId, algorithm, publicKey } = await readPublicKeyFile(options.key);
      const notBefore = options.notBefore ?? utc(io.now());
      const notAfter = options.notAfter ?? aYearAfter(notBefore);
      const client = await signedClient(io, options.as);
      const { person: personId, role } = options;
      const body = { credentialId, personId, role, algorithm, publicKey, notBefore, notAfter };
      const enrolled = await client.post('/v1/credentials', body, credentialView);
      await printResult(io, options.json, enrolled, pairs({ ...enrolled }));
    });

  signed(credential.command('revoke'))
    .argument('<thumbprint>', 'of its key, as credential list prints it', thumbprintArgument)
    .description('revoke a credential; what it signed before stays valid evidence')
    .addOption(new Option('--reason <reason>', 'why').choices(revocationReasons).makeOptionMandatory())
    .addHelpText('after', example('credential revoke --as admin.json CtC6…thumbprint --reason lost'))
    .action(async (thumbprint: string, options: SignedOptions & { readonly reason: string }) => {
      const client = await signedClient(io, options.as);
      const path = `/v1/credentials/${thumbprint}/revocation`;
      const revoked = await client.post(path, { reason: options.reason }, credentialView);
      await printResult(io, options.json, revoked, pairs({ ...revoked }));
    });

  signed(credential.command('list'))
    .description('list all credentials')
    .addHelpText('after', example('credential list --as admin.json'))
    .action(async (options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const { items, truncated } = await client.get('/v1/credentials', listOf(credentialView));
      await printResult(io, options.json, items, [
        ...credentialTable(items, utc(io.now())),
        ...cutNote(truncated),
      ]);
    });
}

function credentialTable(items: readonly CredentialView[], now: string): string[] {
  return table(
    ['CREDENTIAL', 'PERSON', 'ROLE', 'STATE', 'NOT AFTER', 'THUMBPRINT'],
    items.map((item) => [
      item.credentialId,
      item.personId,
      item.role,
      stateOf(item, now),
      item.notAfter,
      item.thumbprint,
    ]),
  );
}

function stateOf({ revokedAt, notBefore, notAfter }: CredentialView, now: string): string {
  if (revokedAt !== undefined) return 'revoked';
  if (now < notBefore) return 'not yet valid';
  return now < notAfter ? 'valid' : 'expired';
}

function thumbprintArgument(text: string): string {
  if (!thumbprintSchema.safeParse(text).success) {
    throw new InvalidArgumentError(
      'Give the 43 characters of the thumbprint, as credential list prints them.',
    );
  }
  return text;
}

function aYearAfter(time: string): string {
  const end = new Date(time);
  end.setUTCFullYear(end.getUTCFullYear() + 1);
  return end.toISOString();
}
