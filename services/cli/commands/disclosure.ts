import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type TargetKind, targetKinds } from '#shared/orders';
import { categoryIds } from '#shared/traffic';
import type { ApiClient } from '../api-client.ts';
import { refused } from '../errors.ts';
import { createPrivate, fileError, requireAbsent } from '../files.ts';
import { type CliIo, write } from '../io.ts';
import {
  collect,
  example,
  idArgument,
  type SignedOptions,
  signed,
  signedClient,
  timeArgument,
} from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { type DisclosureView, disclosureView } from '../views.ts';

interface TargetInput {
  readonly kind: TargetKind;
  readonly value: string;
}

interface RequestOptions extends SignedOptions {
  readonly order: string;
  readonly target: readonly TargetInput[];
  readonly subaddresses?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly category: readonly string[];
  readonly wait?: boolean;
}

/** Pauses between looks at a disclosure that is being made; each look is an entry in the ledger. */
const pauses = { firstMs: 250, longestMs: 10_000 } as const;

/** `griffie disclosure …`: officers request within an approved order, follow and fetch. */
export function addDisclosureCommands(program: Command, io: CliIo): void {
  const disclosure = program.command('disclosure').description('request, follow and fetch disclosures');

  signed(disclosure.command('request'))
    .description('request what an approved order names, or less of it (officer)')
    .requiredOption('--order <id>', 'order id', idArgument)
    .addOption(
      new Option('--target <kind=value>', `less than the order names; kinds: ${targetKinds.join(', ')}`)
        .argParser(addTarget)
        .default([], 'as the order says'),
    )
    .option('--subaddresses', 'with each address also its subaddresses (name+tag@…)')
    .option('--from <time>', 'begin later than the order', timeArgument)
    .option('--to <time>', 'end earlier than the order', timeArgument)
    .addOption(
      new Option('--category <name>', `less than the order names: ${categoryIds.join(', ')}`)
        .argParser(addCategory)
        .default([], 'as the order says'),
    )
    .option('--wait', 'wait until the package can be fetched')
    .addHelpText(
      'after',
      example(
        'disclosure request --as me.json --order 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e \\',
        '    --target address=j.devries@example.nl --wait',
      ).replace('$ griffie     ', '      '),
    )
    .action(async (options: RequestOptions) => {
      const client = await signedClient(io, options.as);
      const body = { orderId: options.order, ...scopeOf(options) };
      const requested = await client.post('/v1/disclosures', body, disclosureView);
      const last = options.wait ? await follow(io, client, requested) : requested;
      await printResult(io, options.json, last, disclosureLines(last));
    });

  signed(disclosure.command('status'))
    .argument('<id>', 'disclosure id', idArgument)
    .description('show how far a disclosure is')
    .option('--follow', 'wait until the package can be fetched')
    .addHelpText(
      'after',
      example('disclosure status 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --follow'),
    )
    .action(async (id: string, options: SignedOptions & { readonly follow?: boolean }) => {
      const client = await signedClient(io, options.as);
      const found = await client.get(`/v1/disclosures/${id}`, disclosureView);
      const last = options.follow ? await follow(io, client, found) : found;
      await printResult(io, options.json, last, disclosureLines(last));
    });

  signed(disclosure.command('fetch'))
    .argument('<id>', 'disclosure id', idArgument)
    .description('fetch the package: signed, and encrypted to the keys that the order names')
    .requiredOption('--out <file>', 'new file for it')
    .addHelpText(
      'after',
      example('disclosure fetch 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --out package.tar'),
    )
    .action(async (id: string, options: SignedOptions & { readonly out: string }) => {
      const { out } = options;
      await requireAbsent(out);
      const client = await signedClient(io, options.as);
      const fetched = await fetchTo(out, (take) => client.download(`/v1/disclosures/${id}/package`, take));
      await printResult(io, options.json, { disclosureId: id, file: out, ...fetched }, [
        ...pairs({ file: out, bytes: fetched.bytes, 'SHA-256': fetched.sha256 }),
        '',
        `Next: griffie package open ${out} --identity identity.txt --keys griffie-keys.json --out folder`,
      ]);
    });
}

function addTarget(text: string, previous: readonly TargetInput[]): readonly TargetInput[] {
  const separator = text.indexOf('=');
  const kind = targetKinds.find((name) => name === text.slice(0, separator));
  const value = text.slice(separator + 1);
  if (kind === undefined || value === '') {
    throw new InvalidArgumentError(`Write kind=value; the kinds are ${targetKinds.join(', ')}.`);
  }
  return [...previous, { kind, value }];
}

function addCategory(text: string, previous: readonly string[]): readonly string[] {
  if (!categoryIds.some((id) => id === text)) {
    throw new InvalidArgumentError(`The categories are ${categoryIds.join(', ')}.`);
  }
  return collect(text, previous);
}

/** The scope to ask for; none where nothing narrows the order's. */
function scopeOf({ target, subaddresses, from, to, category }: RequestOptions): { scope?: object } {
  const targets = target.map((input) =>
    subaddresses && input.kind === 'address' ? { ...input, subaddresses: true } : input,
  );
  const scope = {
    ...(targets.length > 0 ? { targets } : {}),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(category.length > 0 ? { categories: category } : {}),
  };
  return Object.keys(scope).length > 0 ? { scope } : {};
}

/** Looks again until the package can be fetched. */
async function follow(io: CliIo, client: ApiClient, first: DisclosureView): Promise<DisclosureView> {
  let current = first;
  let pause: number = pauses.firstMs;
  for (;;) {
    if (current.status === 'Error') {
      const message = `disclosure ${current.disclosureId} failed; ask the operator to look at the log, then request it again`;
      throw refused('disclosure.failed', message);
    }
    if (current.ready) return current;
    if (io.stderr.isTTY) await write(io.stderr, `${current.status} …\n`);
    await sleep(pause);
    pause = Math.min(pause * 2, pauses.longestMs);
    current = await client.get(`/v1/disclosures/${current.disclosureId}`, disclosureView);
  }
}

/** Streams into a file of another name beside it, which gets its own only once it is whole and durable. */
async function fetchTo(
  out: string,
  download: (take: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<{ bytes: number; sha256: string }> {
  const partial = `${out}.partial`;
  const file = await createPrivate(partial);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await download(async (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
      await file.appendFile(chunk);
    });
    await file.sync();
    await file.close();
    await rename(partial, out);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw fileError(partial, error);
  }
  return { bytes, sha256: hash.digest('hex') };
}

function disclosureLines(view: DisclosureView): string[] {
  return [
    ...pairs({
      disclosure: view.disclosureId,
      order: view.orderId,
      status: view.status,
      requested: view.requestedAt,
      released: view.releasedAt,
      records: view.records,
      completeness: view.completeness,
    }),
    '',
    view.ready
      ? `Next: griffie disclosure fetch ${view.disclosureId} --out package.tar`
      : `Next: griffie disclosure status ${view.disclosureId} --follow`,
  ];
}
