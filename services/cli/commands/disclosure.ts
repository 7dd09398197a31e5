import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type TargetKind, targetKinds } from '#shared/orders';
import { categoryIds } from '#shared/traffic';
import { followDisclosure, noProgress, progressOn } from '../disclosure/follow.ts';
import { createPrivate, fileError, requireAbsent } from '../files.ts';
import type { CliIo } from '../io.ts';
import {
  collect,
  example,
  idArgument,
  orderVersionOption,
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
  readonly orderVersion: number;
  readonly target: readonly TargetInput[];
  readonly subaddresses?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly category: readonly string[];
  readonly wait?: boolean;
  readonly follow?: boolean;
}

/** `griffie disclosure …`: officers request within an approved order, follow and fetch. */
export function addDisclosureCommands(program: Command, io: CliIo): void {
  const disclosure = program.command('disclosure').description('request, follow and fetch disclosures');

  signed(disclosure.command('request'))
    .description('request what an approved order names, or less of it (officer)')
    .requiredOption('--order <id>', 'order id', idArgument)
    .addOption(orderVersionOption('version of the order that you read'))
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
    .option('--follow', 'wait, and show records and bytes as they grow')
    .addHelpText(
      'after',
      example(
        'disclosure request --as me.json --order 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e \\',
        '    --target address=j.devries@example.nl --wait',
      ).replace('$ griffie     ', '      '),
    )
    .action(async (options: RequestOptions) => {
      const client = await signedClient(io, options.as);
      const { order: orderId, orderVersion } = options;
      const body = { orderId, orderVersion, ...scopeOf(options) };
      const requested = await client.post('/v1/disclosures', body, disclosureView);
      const { disclosureId } = requested;
      const last =
        options.wait || options.follow
          ? await followDisclosure(client, disclosureId, options.follow ? progressOn(io) : noProgress)
          : requested;
      await printResult(io, options.json, last, disclosureLines(last));
    });

  signed(disclosure.command('status'))
    .argument('<id>', 'disclosure id', idArgument)
    .description('show how far a disclosure is')
    .option('--follow', 'wait until the package can be fetched, and show records and bytes as they grow')
    .addHelpText(
      'after',
      example('disclosure status 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --follow'),
    )
    .action(async (id: string, options: SignedOptions & { readonly follow?: boolean }) => {
      const client = await signedClient(io, options.as);
      const last = options.follow
        ? await followDisclosure(client, id, progressOn(io))
        : await client.get(`/v1/disclosures/${id}`, disclosureView);
      await printResult(io, options.json, last, disclosureLines(last));
    });

  signed(disclosure.command('cancel'))
    .argument('<id>', 'disclosure id', idArgument)
    .description('cancel a disclosure whose package was not announced: nothing is released')
    .addHelpText('after', example('disclosure cancel 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json'))
    .action(async (id: string, options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const view = await client.post(`/v1/disclosures/${id}/cancellation`, undefined, disclosureView);
      await printResult(io, options.json, view, disclosureLines(view));
    });

  signed(disclosure.command('fetch'))
    .argument('<id>', 'disclosure id', idArgument)
    .description('fetch the package: signed, and encrypted to the keys that the order names')
    .requiredOption('--out <file>', 'new file for it')
    .option('--follow', 'wait until it is there, and show records and bytes as they grow')
    .addHelpText(
      'after',
      example('disclosure fetch 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --out package.tar'),
    )
    .action(
      async (id: string, options: SignedOptions & { readonly out: string; readonly follow?: boolean }) => {
        const { out } = options;
        await requireAbsent(out);
        const client = await signedClient(io, options.as);
        if (options.follow) await followDisclosure(client, id, progressOn(io));
        const fetched = await fetchTo(out, (take) => client.download(`/v1/disclosures/${id}/package`, take));
        await printResult(io, options.json, { disclosureId: id, file: out, ...fetched }, [
          ...pairs({ file: out, bytes: fetched.bytes, 'SHA-256': fetched.sha256 }),
          '',
          `Next: griffie package open ${out} --identity identity.txt --keys griffie-keys.json --out folder`,
        ]);
      },
    );
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
    ...nextOf(view),
  ];
}

function nextOf({ status, ready, disclosureId }: DisclosureView): string[] {
  if (ready) return ['', `Next: griffie disclosure fetch ${disclosureId} --out package.tar`];
  const isOver = status === 'Cancelled' || status === 'Error';
  return isOver ? [] : ['', `Next: griffie disclosure status ${disclosureId} --follow`];
}
