import type { Command } from 'commander';
import { utc } from '#shared/runtime';
import { createApiClient } from '../api-client.ts';
import { refused } from '../errors.ts';
import { writeNewFile } from '../files.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption, serviceUrlArgument } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { type PinFile, usableKeys } from '../pin-file.ts';
import { serviceView } from '../views.ts';
import { addBootstrapCommand } from './bootstrap.ts';

interface KeysOptions {
  readonly url: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `griffie service …`: what a service says of itself. */
export function addServiceCommands(program: Command, io: CliIo): void {
  const service = program.command('service').description('the service and its public keys');

  service
    .command('keys')
    .description('fetch the keys that verify packages and the ledger, to be compared and kept')
    .requiredOption('--url <url>', 'public URL of the service', serviceUrlArgument)
    .option('--out <file>', 'keep them in a new file, for --keys of other commands')
    .addOption(jsonOption())
    .addHelpText('after', example('service keys --url https://griffie.example.nl --out griffie-keys.json'))
    .action(async ({ url, out, json }: KeysOptions) => {
      const pin = await fetchKeys(io, url);
      if (out !== undefined) await writeNewFile(out, `${JSON.stringify(pin, null, 2)}\n`);
      const { audience, manifestKeyId, ledgerKey } = pin;
      const otherName = audience === url ? [] : [`This service calls itself ${audience}: use that URL.`];
      await printResult(io, json, pin, [
        ...pairs({ service: audience, 'manifest key': manifestKeyId, 'ledger key': ledgerKey, file: out }),
        '',
        ...otherName,
        'Compare both keys with the operator by another channel (telephone, paper) before you rely on them.',
      ]);
    });

  addBootstrapCommand(service, io);
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
