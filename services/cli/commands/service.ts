import type { Command } from 'commander';
import { followRotations, rotationPath } from '#shared/ledger';
import { utc } from '#shared/runtime';
import { createApiClient } from '../api-client.ts';
import { verifierKey } from '../audit/place.ts';
import { refused } from '../errors.ts';
import { writeNewFile } from '../files.ts';
import { clientLimits } from '../http-answer.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption, serviceUrlArgument } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { type PinFile, readPins, usableKeys } from '../pin-file.ts';
import { serviceView } from '../views.ts';
import { addBootstrapCommand } from './bootstrap.ts';
import { addLedgerKeyCommand } from './ledger-key.ts';

interface KeysOptions {
  readonly url: string;
  readonly out?: string;
  readonly known?: string;
  readonly json?: boolean;
}

/** `griffie service …`: what a service says of itself. */
export function addServiceCommands(program: Command, io: CliIo): void {
  const service = program.command('service').description('the service and its public keys');

  addLedgerKeyCommand(service, io);
  service
    .command('keys')
    .description('fetch the keys that verify packages and the ledger, to be compared and kept')
    .requiredOption('--url <url>', 'public URL of the service', serviceUrlArgument)
    .option('--out <file>', 'keep them in a new file, for --keys of other commands')
    .option('--known <file>', 'the file kept before: the ledger key must follow from the one in it')
    .addOption(jsonOption())
    .addHelpText('after', example('service keys --url https://griffie.example.nl --out griffie-keys.json'))
    .action(async ({ url, out, known, json }: KeysOptions) => {
      const fetched = await fetchKeys(io, url);
      const pin = known === undefined ? fetched : await followFrom(await readPins(known), fetched, io, url);
      if (out !== undefined) await writeNewFile(out, `${JSON.stringify(pin, null, 2)}\n`);
      const { audience, manifestKeyId, ledgerKey } = pin;
      const otherName = audience === url ? [] : [`This service calls itself ${audience}: use that URL.`];
      await printResult(io, json, pin, [
        ...pairs({ service: audience, 'manifest key': manifestKeyId, 'ledger key': ledgerKey, file: out }),
        '',
        ...otherName,
        known === undefined
          ? 'Compare both keys with the operator by another channel (telephone, paper) before you rely on them.'
          : 'The ledger key follows from the one that you had. Compare the manifest key where it is another one.',
      ]);
    });

  addBootstrapCommand(service, io);
}

/**
 * The service's keys, with those of the ledger before: each change must be signed by the key that it replaces,
 * beginning with the one that was known.
 */
async function followFrom(known: PinFile, fetched: PinFile, io: CliIo, url: string): Promise<PinFile> {
  const client = createApiClient({ io, service: url });
  const { keys, rotations } = await followRotations(verifierKey(known.ledgerKey), (n) =>
    client.getBytes(`/ledger/${rotationPath(n)}`, clientLimits.ledgerFileBytes),
  );
  if (keys.at(-1)?.vkey !== fetched.ledgerKey) {
    throw refused(
      'service.ledger_key',
      `the ledger key of the service at ${url} does not follow from the one that you had; find out why from its operator`,
    );
  }
  const earlier = rotations.map(({ from, checkpoint }) => ({ key: from.vkey, until: checkpoint.size }));
  return { ...fetched, earlierLedgerKeys: [...(known.earlierLedgerKeys ?? []), ...earlier] };
}

/** A service's keys as it states them. Nothing vouches for them but the connection. */
export async function fetchKeys(io: CliIo, url: string): Promise<PinFile> {
  const { audience, manifestKey, ledgerKey } = await createApiClient({ io, service: url }).get(
    '/v1/service',
    serviceView,
  );
  const keys = await usableKeys({ audience, manifestKey, ledgerKey });
  if (keys === null) {
    throw refused('service.keys', `the service at ${url} gave keys that cannot be used; tell its operator`);
  }
  return {
    audience,
    manifestKey,
    manifestKeyId: keys.manifestKey.kid,
    ledgerKey,
    retrievedAt: utc(io.now()),
  };
}
