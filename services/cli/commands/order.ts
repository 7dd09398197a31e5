import { type Command, Option } from 'commander';
import { rejectionReasons } from '#shared/control';
import { orderLimits } from '#shared/orders';
import type { ApiClient } from '../api-client.ts';
import { refused } from '../errors.ts';
import { requireAbsent, writeNewFile } from '../files.ts';
import type { CliIo } from '../io.ts';
import {
  example,
  groundOption,
  idArgument,
  orderVersionOption,
  type SignedOptions,
  signed,
  signedClient,
} from '../options.ts';
import { dueText, orderLines } from '../order-lines.ts';
import { pairs, printResult, table } from '../output.ts';
import { cutNote, estimateView, listOf, orderStatusView, orderView } from '../views.ts';
import { addOrderDrafting } from './order-drafting.ts';
import { addOrderSteps } from './order-steps.ts';

/** `griffie order …`: registrars record, another person reviews. */
export function addOrderCommands(program: Command, io: CliIo): void {
  const order = program.command('order').description('write, check, record and decide on orders');
  addOrderDrafting(order, io);
  addReading(order, io);
  addDeciding(order, io);
  addOrderSteps(order, io);
}

function addReading(order: Command, io: CliIo): void {
  signed(order.command('list'))
    .description('list orders, newest first')
    .addHelpText('after', example('order list --as me.json'))
    .action(async (options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const { items, truncated } = await client.get('/v1/orders', listOf(orderStatusView));
      const titles = [
        'ORDER',
        'STATUS',
        'VERSION',
        'REGIME',
        'TYPE',
        'TARGETS',
        'RECEIVED',
        'DUE',
        'VALID UNTIL',
      ];
      const rows = items.map((item) => [
        item.orderId,
        item.status,
        String(item.version),
        item.regime,
        item.type,
        String(item.targetCount),
        item.receivedAt,
        dueText(item) ?? '-',
        item.validUntil,
      ]);
      await printResult(io, options.json, items, [...table(titles, rows), ...cutNote(truncated)]);
    });

  signed(order.command('show'))
    .argument('<id>', 'order id', idArgument)
    .description('show an order with its contents')
    .addHelpText('after', example('order show 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json'))
    .action(async (id: string, options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const shown = await client.get(`/v1/orders/${id}`, orderView);
      const { mediaType, bytes, sha256, signature } = shown.document;
      await printResult(io, options.json, shown, [
        ...orderLines(shown),
        ...pairs({
          document: `${mediaType}, ${bytes} bytes, SHA-256 ${sha256}`,
          'signed by, as the certificates say': signature?.signers?.join('; '),
        }),
        '',
        // JSON escapes what could act on a terminal.
        JSON.stringify(shown.order, null, 2),
      ]);
    });

  signed(order.command('document'))
    .argument('<id>', 'order id', idArgument)
    .description('fetch the document of an order')
    .requiredOption('--out <file>', 'new file for it')
    .addHelpText(
      'after',
      example('order document 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --out order.pdf'),
    )
    .action(async (id: string, options: SignedOptions & { readonly out: string }) => {
      await requireAbsent(options.out);
      const client = await signedClient(io, options.as);
      const bytes = await client.getBytes(`/v1/orders/${id}/document`, orderLimits.documentBytes);
      if (bytes === undefined) throw refused('order.unknown', 'there is no such order; check its id');
      await writeNewFile(options.out, bytes);
      const result = { orderId: id, file: options.out, bytes: bytes.length };
      await printResult(io, options.json, result, [`${options.out}: ${bytes.length} bytes`]);
    });

  signed(order.command('estimate'))
    .argument('<id>', 'order id', idArgument)
    .description('count what an order would release, by type; never records (reviewer)')
    .addHelpText('after', example('order estimate 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json'))
    .action(async (id: string, options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const estimate = await client.get(`/v1/orders/${id}/estimate`, estimateView);
      await printResult(io, options.json, estimate, pairs({ ...estimate.counts, total: estimate.total }));
    });
}

interface ApproveOptions {
  readonly orderVersion: number;
  readonly records?: number;
}

interface RejectOptions {
  readonly orderVersion: number;
  readonly reason: string;
  readonly ground: readonly string[];
}

/** The counts by type, where they come to what the reviewer says to have seen. */
async function confirmed(client: ApiClient, id: string, records: number) {
  const estimate = await client.get(`/v1/orders/${id}/estimate`, estimateView);
  if (estimate.total === records) return estimate;
  throw refused(
    'order.estimate_differs',
    'the order would release another number of records; look at the estimate again',
  );
}

function addDeciding(order: Command, io: CliIo): void {
  signed(order.command('approve'))
    .argument('<id>', 'order id', idArgument)
    .description('approve a version of an order that other people recorded (reviewer)')
    .addOption(orderVersionOption('version that you read'))
    .option(
      '--records <n>',
      'records that griffie order estimate showed you; needed for a domain or a prefix',
      Number,
    )
    .addHelpText('after', example('order approve 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json'))
    .action(async (id: string, options: SignedOptions & ApproveOptions) => {
      const client = await signedClient(io, options.as);
      const estimate =
        options.records === undefined ? {} : { estimate: await confirmed(client, id, options.records) };
      const body = { version: options.orderVersion, ...estimate };
      const decided = await client.post(`/v1/orders/${id}/approval`, body, orderStatusView);
      await printResult(io, options.json, decided, orderLines(decided));
    });

  signed(order.command('reject'))
    .argument('<id>', 'order id', idArgument)
    .description('reject an order that another person recorded (reviewer)')
    .addOption(orderVersionOption('version that you read'))
    .addOption(new Option('--reason <reason>', 'why').choices(rejectionReasons).makeOptionMandatory())
    .addOption(groundOption())
    .addHelpText(
      'after',
      example('order reject 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json --reason disproportionate'),
    )
    .action(async (id: string, options: SignedOptions & RejectOptions) => {
      const client = await signedClient(io, options.as);
      const { orderVersion: version, reason, ground } = options;
      const body = { version, reason, ...(ground.length > 0 ? { grounds: ground } : {}) };
      const decided = await client.post(`/v1/orders/${id}/rejection`, body, orderStatusView);
      await printResult(io, options.json, decided, orderLines(decided));
    });
}
