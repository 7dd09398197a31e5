import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Role, roles, thumbprintSchema } from '#shared/control';
import { utc } from '#shared/runtime';
import { readChain } from '../certificate-file.ts';
import { readPublicKeyFile } from '../credential-file.ts';
import { unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example, type SignedOptions, signed, signedClient, timeArgument } from '../options.ts';
import { pairs, printResult, table } from '../output.ts';
import { type CredentialView, credentialView, cutNote, listOf } from '../views.ts';
import { addAuthoritiesCommand } from './authorities.ts';

interface EnrolOptions extends SignedOptions {
  readonly certificate?: string;
  readonly key: string;
  readonly person: string;
  readonly role: Role;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

const revocationReasons = ['left', 'lost', 'compromised', 'superseded', 'other'];

interface ConfirmOptions extends SignedOptions {
  readonly key?: string;
  readonly person: string;
  readonly role: Role;
}

interface RotateOptions extends SignedOptions {
  readonly key: string;
}

const roleOption = (): Option =>
  new Option('--role <role>', 'the one role').choices(roles).makeOptionMandatory();

/** `griffie credential …`: for administrators, who never see records or orders; `rotate` for everybody. */
export function addCredentialCommands(program: Command, io: CliIo): void {
  const credential = program
    .command('credential')
    .description('enrol, confirm, rotate, revoke and list credentials');

  signed(credential.command('enrol'))
    .description('enrol the public key of a person for one role; another administrator must confirm it')
    .requiredOption('--key <file>', 'public key file that the person gave you')
    .requiredOption('--person <id>', 'id of the person: the same for all their credentials')
    .addOption(roleOption())
    .option('--not-before <time>', 'first instant of validity (default: now)', timeArgument)
    .option('--not-after <time>', 'end of validity (default: a year later)', timeArgument)
    .option('--certificate <file>', 'PEM of its certificate and those up to a trusted authority')
    .addHelpText(
      'after',
      example(
        'credential enrol --as admin.json --key j-devries-1.public.json --person j-devries --role officer',
      ),
    )
    .action(async (options: EnrolOptions) => {
      const { credentialId, algorithm, publicKey, possession } = await readPublicKeyFile(options.key);
      const notBefore = options.notBefore ?? utc(io.now());
      const notAfter = options.notAfter ?? aYearAfter(notBefore);
      const client = await signedClient(io, options.as);
      const { person: personId, role } = options;
      const who = { credentialId, personId, role };
      const chain = options.certificate === undefined ? null : await readChain(options.certificate);
      const body = {
        ...{ ...who, algorithm, publicKey, notBefore, notAfter, possession },
        ...(chain ? { chainSha256: chain.sha256 } : {}),
      };
      const enrolled = await client.post('/v1/credentials', body, credentialView, chain?.headers);
      await printResult(io, options.json, enrolled, [
        ...credentialLines(enrolled),
        '',
        'Next: another administrator confirms it; until then it may do nothing.',
        `griffie credential confirm ${enrolled.thumbprint} --as … --person ${personId} --role ${role}`,
      ]);
    });

  signed(credential.command('confirm'))
    .argument('[thumbprint]', 'of its key, as its owner told you; or give --key', thumbprintArgument)
    .description('confirm what another administrator enrolled: say for whom and for which role')
    .option('--key <file>', 'public key file that the person gave you')
    .requiredOption('--person <id>', 'id of the person')
    .addOption(roleOption())
    .addHelpText(
      'after',
      example(
        'credential confirm --as admin-2.json --key j-devries-1.public.json --person j-devries --role officer',
      ),
    )
    .action(async (given: string | undefined, options: ConfirmOptions) => {
      const { key, person: personId, role } = options;
      if ((given === undefined) === (key === undefined)) {
        throw unusable('usage.key', 'give either the thumbprint or --key with the public key file');
      }
      const thumbprint = key === undefined ? given : (await readPublicKeyFile(key)).thumbprint;
      const client = await signedClient(io, options.as);
      const path = `/v1/credentials/${thumbprint}/confirmation`;
      const confirmed = await client.post(path, { personId, role }, credentialView);
      await printResult(io, options.json, confirmed, credentialLines(confirmed));
    });

  signed(credential.command('rotate'))
    .description(
      'let a new key take the place of yours, which ends at once: same person, role and end of validity',
    )
    .requiredOption('--key <file>', 'public key file of the new one')
    .addHelpText('after', example('credential rotate --as me.json --key me-2.public.json'))
    .action(async (options: RotateOptions) => {
      const { credentialId, algorithm, publicKey, possession } = await readPublicKeyFile(options.key);
      const client = await signedClient(io, options.as);
      const body = { credentialId, algorithm, publicKey, possession };
      const rotated = await client.post('/v1/credentials/rotation', body, credentialView);
      await printResult(io, options.json, rotated, [
        ...credentialLines(rotated),
        '',
        `The old key may do nothing more; remove ${options.as} once you have used the new one.`,
      ]);
    });

  signed(credential.command('revoke'))
    .argument('<thumbprint>', 'of its key, as credential list prints it', thumbprintArgument)
    .description('revoke a credential, alone and at once; what it signed before stays valid evidence')
    .addOption(new Option('--reason <reason>', 'why').choices(revocationReasons).makeOptionMandatory())
    .addHelpText('after', example('credential revoke --as admin.json CtC6…thumbprint --reason lost'))
    .action(async (thumbprint: string, options: SignedOptions & { readonly reason: string }) => {
      const client = await signedClient(io, options.as);
      const path = `/v1/credentials/${thumbprint}/revocation`;
      const revoked = await client.post(path, { reason: options.reason }, credentialView);
      await printResult(io, options.json, revoked, credentialLines(revoked));
    });

  addAuthoritiesCommand(credential, io);

  signed(credential.command('list'))
    .description('list all credentials, with their state and last use')
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
    ['CREDENTIAL', 'PERSON', 'ROLE', 'STATE', 'NOT AFTER', 'LAST USE', 'THUMBPRINT'],
    items.map((item) => [
      item.credentialId,
      item.personId,
      item.role,
      stateOf(item, now),
      item.notAfter,
      item.lastUsedAt ?? 'never',
      item.thumbprint,
    ]),
  );
}

const credentialLines = ({ pending, ...view }: CredentialView): string[] =>
  pairs({ ...view, state: pending ? 'waits for confirmation' : undefined });

function stateOf(view: CredentialView, now: string): string {
  const { pending, replacedBy, revokedAt, revokedBy, notBefore, notAfter } = view;
  if (replacedBy !== undefined) return 'rotated';
  if (revokedBy !== undefined) return 'revoked by its authority';
  if (revokedAt !== undefined) return 'revoked';
  if (pending) return 'unconfirmed';
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
