import type { Command } from 'commander';
import type { z } from 'zod';
import type { CliIo } from '../io.ts';
import { example, type SignedOptions, signed, signedClient } from '../options.ts';
import { printResult, table } from '../output.ts';
import { authoritiesView } from '../views.ts';

/** `griffie credential authorities`: what certificates of keys must lead to, and the revocation lists in use. */
export function addAuthoritiesCommand(credential: Command, io: CliIo): void {
  signed(credential.command('authorities'))
    .description('list the authorities of certificates, and the revocation lists in use')
    .addHelpText('after', example('credential authorities --as admin.json'))
    .action(async (options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const found = await client.get('/v1/authorities', authoritiesView);
      await printResult(io, options.json, found, authorityLines(found));
    });
}

function authorityLines(found: z.infer<typeof authoritiesView>): string[] {
  const { anchors, required, lists, missing, refused } = found;
  if (anchors.length === 0) return ['No certificates are taken: no authorities are configured.'];
  return [
    ...table(
      ['ANCHOR (SHA-256 OF ITS CERTIFICATE)'],
      anchors.map((anchor) => [anchor]),
    ),
    '',
    ...(required === null ? ['Revocation lists are not asked.'] : listLines(lists)),
    ...missing.map((authority) => `No list of ${authority}: certificates of this authority are refused.`),
    ...refused.map((code) => `A list that lies at the server is not in use (${code}).`),
  ];
}

function listLines(lists: z.infer<typeof authoritiesView>['lists']): string[] {
  if (lists.length === 0) return ['No revocation list is in use.'];
  return table(
    ['LIST OF AUTHORITY', 'NUMBER', 'MADE', 'RUNS OUT', 'STATE', 'REVOKED', 'ENDED HERE', 'ON HOLD HERE'],
    lists.map(({ authority, number, thisUpdate, nextUpdate, entries, ended, held, current }) => [
      authority,
      number,
      thisUpdate,
      nextUpdate,
      current ? 'current' : 'run out',
      String(entries),
      String(ended),
      String(held),
    ]),
  );
}
