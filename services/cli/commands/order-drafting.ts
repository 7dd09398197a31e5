import { type Command, Option } from 'commander';
import { issuerRoles, type Regime, targetKinds } from '#shared/orders';
import { loadRegimes } from '#shared/regimes';
import { utc } from '#shared/runtime';
import { refused, unusable } from '../errors.ts';
import { readJson } from '../files.ts';
import { type CliIo, write } from '../io.ts';
import { example, jsonOption, type SignedOptions, signed, signedClient } from '../options.ts';
import { readOrderDocument } from '../order-document.ts';
import { checkDraft, orderTemplate, withoutBlanks } from '../order-draft.ts';
import { orderLines } from '../order-lines.ts';
import { printResult, table } from '../output.ts';
import { orderStatusView } from '../views.ts';

interface RecordOptions extends SignedOptions {
  readonly order: string;
  readonly document: string;
}

interface RegimeOptions {
  readonly regimes?: string;
}

const regimesOption = (): Option =>
  new Option('--regimes <folder>', 'folder of the data files of more regimes than those that are shipped');

/** The regime of the command, from the shipped files and those of the folder. */
function regimeNamed(options: RegimeOptions & { readonly regime: string }): Regime {
  const regimes = loadRegimes(options.regimes);
  const regime = regimes.get(options.regime);
  if (regime !== undefined) return regime;
  throw unusable('order.regime', `there is no such regime; name one of ${[...regimes.keys()].join(', ')}`);
}

/** Order files: written and checked without a service, then recorded. */
export function addOrderDrafting(order: Command, io: CliIo): void {
  order
    .command('template')
    .description('print an order file to fill in: every empty value is a blank')
    .requiredOption('--regime <name>', 'legal regime, such as NL_DOMESTIC, EU_EPOC, EU_EPOC_PR')
    .addOption(regimesOption())
    .addHelpText('after', example('order template --regime NL_DOMESTIC > order.json'))
    .action(async (options: RegimeOptions & { readonly regime: string }) => {
      const regime = regimeNamed(options);
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
    .command('grounds')
    .description('list the grounds to ask, to refuse or to object, with the rule that each stands in')
    .requiredOption('--regime <name>', 'legal regime, such as NL_DOMESTIC, EU_EPOC, EU_EPOC_PR')
    .addOption(regimesOption())
    .addOption(jsonOption())
    .addHelpText('after', example('order grounds --regime EU_EPOC'))
    .action(async (options: RegimeOptions & { readonly regime: string; readonly json?: boolean }) => {
      const { grounds } = regimeNamed(options);
      const rows = grounds.map(({ id, uses, stopsClock, source }) => [
        id,
        uses.join(', '),
        stopsClock ? 'stops' : '-',
        source,
      ]);
      await printResult(io, options.json, grounds, table(['GROUND', 'FOR', 'CLOCK', 'SOURCE'], rows));
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
