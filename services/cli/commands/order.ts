import { type Command, Option } from 'commander';
import { rejectionReasons } from '#shared/control';
import { issuerRoles, orderLimits, targetKinds } from '#shared/orders';
import { loadRegimes } from '#shared/regimes';
import { utc } from '#shared/runtime';
import type { ApiClient } from '../api-client.ts';
import { refused, unusable } from '../errors.ts';
import { readJson, requireAbsent, writeNewFile } from '../files.ts';
import { type CliIo, write } from '../io.ts';
import {
  example,
  groundOption,
  idArgument,
  jsonOption,
  orderVersionOption,
  type SignedOptions,
  signed,
  signedClient,
} from '../options.ts';
import { readOrderDocument } from '../order-document.ts';
import { checkDraft, orderTemplate, withoutBlanks } from '../order-draft.ts';
import { dueText, orderLines } from '../order-lines.ts';
import { pairs, printResult, table } from '../output.ts';
import { cutNote, estimateView, listOf, orderStatusView, orderView } from '../views.ts';
import { addOrderSteps } from './order-steps.ts';

interface RecordOptions extends SignedOptions {
  readonly order: string;
  readonly document: string;
}

/** `griffie order …`: registrars record, another person reviews. */
export function addOrderCommands(program: Command, io: CliIo): void {
  const order = program.command('order').description('write, check, record and decide on orders');
  addDrafting(order, io);
  addReading(order, io);
  addDeciding(order, io);
  addOrderSteps(order, io);
}

interface RegimeOptions {
  readonly regimes?: string;
}

const regimesOption = (): Option =>
  new Option('--regimes <folder>', 'folder of the data files of more regimes than those that are shipped');

/** Needs no service. */
function addDrafting(order: Command, io: CliIo): void {
  order
    .command('template')
    .description('print an order file to fill in: every empty value is a blank')
    .requiredOption('--regime <name>', 'legal regime, such as NL_DOMESTIC, EU_EPOC, EU_EPOC_PR')
    .addOption(regimesOption())
    .addHelpText('after', example('order template --regime NL_DOMESTIC > order.json'))
    .action(async (options: RegimeOptions & { readonly regime: string }) => {
      const regimes = loadRegimes(options.regimes);
      const regime = regimes.get(options.regime);
      if (regime === undefined) {
        throw unusable(
          'order.regime',
          `there is no such regime; name one of ${[...regimes.keys()].join(', ')}`,
        );
      }
      await write(io.stdout, `${JSON.stringify(orderTemplate(regime), null, 2)}\n`);
      const hints = [
        `Times: RFC 3339 with a zone, such as 2026-11-22T09:00:00Z.`,
        `Roles: ${issuerRoles.join(', ')}.`,
        `Kinds of target: ${targetKinds.join(', ')}.`,
        'Fill in every empty value, then run griffie order check.',
      ];
      await write(io.stderr, `${hints.join('\n')}\n`);
    });

  order
    .command('check')
    .argument('<file>', 'order file')
    .description('check an order file by the rules of its regime, without sending it')
    .addOption(regimesOption())
    .addOption(jsonOption())
    .addHelpText('after', example('order check order.json'))
    .action(async (file: string, options: RegimeOptions & { readonly json?: boolean }) => {
      const { json } = options;
      const checked = checkDraft(await readJson(file, 'order'), utc(io.now()), loadRegimes(options.regimes));
      if (!checked.ok) {
        const count = checked.problems.length;
        const message = `${file} is not complete and admissible yet; mend ${count === 1 ? 'this' : `these ${count}`}`;
        throw refused('order.invalid', message, checked.problems);
      }
      const { regime, regimeVersion, type } = checked.order;
      await printResult(io, json, { ok: true, regime, regimeVersion, type }, [
        `${file} is complete and admissible under ${regime} (rules of ${regimeVersion}).`,
      ]);
    });

  signed(order.command('record'))
    .description('record an order with its document (registrar)')
    .requiredOption('--order <file>', 'order file')
    .requiredOption('--document <file>', 'the order itself: PDF, XML or PKCS #7')
    .addHelpText('after', example('order record --as me.json --order order.json --document order.pdf'))
    .action(async (options: RecordOptions) => {
      const draft = withoutBlanks(await readJson(options.order, 'order')) ?? {};
      const document = await readOrderDocument(options.document);
      const client = await signedClient(io, options.as);
      const recorded = await client.post('/v1/orders', { order: draft, document }, orderStatusView);
      await printResult(io, options.json, recorded, [
        ...orderLines(recorded),
        '',
        `Next: another person reviews it with griffie order approve ${recorded.orderId}`,
      ]);
    });
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
