import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ApiClient, createApiClient } from './api-client.ts';
import { openCredential } from './credential-file.ts';
import type { CliIo } from './io.ts';
import { parseServiceUrl, serviceUrlRule } from './service-url.ts';

/** What every command that signs has. */
export interface SignedOptions {
  readonly as: string;
  readonly json?: boolean;
}

export const asOption = (): Option =>
  new Option(
    '--as <file>',
    'your credential file (made by griffie key new), or the PKCS #11 URI of your key',
  ).makeOptionMandatory();

export const jsonOption = (): Option => new Option('--json', 'print JSON');

/** An example under a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ griffie ${line}`).join('\n')}`;
}

/** A command that signs: its options, in one place. */
export function signed(command: Command): Command {
  return command.addOption(asOption()).addOption(jsonOption());
}

export async function signedClient(io: CliIo, file: string): Promise<ApiClient> {
  const { credentialId, service, key } = await openCredential(io, file);
  return createApiClient({ io, service, signer: { credentialId, key } });
}

/** For options that may be repeated. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Which version of an order is meant; by default the first. */
export function orderVersionOption(description: string): Option {
  return new Option('--order-version <n>', description).argParser(orderVersionArgument).default(1);
}

function orderVersionArgument(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text))
    throw new InvalidArgumentError('Give the number of a version, from 1.');
  return Number(text);
}

export function groundOption(): Option {
  return new Option('--ground <id>', "a ground of the order's regime (can be repeated)")
    .argParser(collect)
    .default([], 'none');
}

/** Any RFC 3339 time with a zone, as UTC with milliseconds. */
export function timeArgument(text: string): string {
  const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})$/;
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('Write a time with its zone, such as 2026-11-22T09:00:00Z.');
  }
  return new Date(time).toISOString();
}

/** Ids of orders and disclosures: UUIDs, as the service gives them. */
export function idArgument(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new InvalidArgumentError('Give the id as griffie printed it, such as 01939f3a-7b1c-7cc3-9d20-….');
  }
  return text;
}

export function serviceUrlArgument(text: string): string {
  const service = parseServiceUrl(text);
  if (service === null) throw new InvalidArgumentError(`It ${serviceUrlRule}.`);
  return service;
}
