import { type Command, Option } from 'commander';
import { z } from 'zod';
import { holdExtensions, holdLiftings } from '#shared/control';
import type { CliIo } from '../io.ts';
import { example, idArgument, type SignedOptions, signed, signedClient } from '../options.ts';
import { pairs, printResult, table } from '../output.ts';
import { cutNote, listOf } from '../views.ts';

const holdView = z.object({
  orderId: z.string(),
  regime: z.string(),
  type: z.string(),
  since: z.string(),
  until: z.string(),
  extensions: z.int(),
  confirmedAt: z.string().optional(),
  copiedAt: z.string().optional(),
  copiedRecords: z.int().optional(),
  over: z.string().optional(),
  deletedAt: z.string().optional(),
});
type HoldView = z.infer<typeof holdView>;

const exampleId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';

/** `griffie hold …`: what orders keep past its time, and until when. */
export function addHoldCommands(program: Command, io: CliIo): void {
  const hold = program.command('hold').description('see, extend and lift what orders hold');

  signed(hold.command('list'))
    .description('list what orders hold, newest first: times and counts (registrar, reviewer, auditor)')
    .addHelpText('after', example('hold list --as auditor.json'))
    .action(async (options: SignedOptions) => {
      const client = await signedClient(io, options.as);
      const { items, truncated } = await client.get('/v1/holds', listOf(holdView));
      const titles = ['ORDER', 'REGIME', 'TYPE', 'SINCE', 'UNTIL', 'COPIED', 'STATUS'];
      const rows = items.map((item) => [
        item.orderId,
        item.regime,
        item.type,
        item.since,
        item.until,
        item.copiedRecords === undefined ? '-' : String(item.copiedRecords),
        statusOf(item),
      ]);
      await printResult(io, options.json, items, [...table(titles, rows), ...cutNote(truncated)]);
    });

  const step = (
    name: string,
    path: string,
    description: string,
    reasons: readonly string[],
    exampleReason: string,
  ): void => {
    signed(hold.command(name))
      .argument('<id>', 'order id', idArgument)
      .description(description)
      .addOption(new Option('--reason <reason>', 'why').choices(reasons).makeOptionMandatory())
      .addHelpText('after', example(`hold ${name} ${exampleId} --reason ${exampleReason} --as reviewer.json`))
      .action(async (id: string, options: SignedOptions & { readonly reason: string }) => {
        const client = await signedClient(io, options.as);
        const after = await client.post(`/v1/orders/${id}/${path}`, { reason: options.reason }, holdView);
        const { orderId, until } = after;
        await printResult(
          io,
          options.json,
          after,
          pairs({ order: orderId, until, status: statusOf(after), extensions: after.extensions }),
        );
      });
  };
  step(
    'extend',
    'hold-extension',
    'have an order to preserve keep for longer: another person than the one who recorded it (reviewer)',
    holdExtensions,
    'extension',
  );
  step(
    'lift',
    'hold-lifting',
    'end what an order holds; it is gone then: another person than the one who recorded it (reviewer)',
    holdLiftings,
    'by_authority',
  );
}

function statusOf({ over, deletedAt }: HoldView): string {
  if (deletedAt !== undefined) return `gone since ${deletedAt} (${over})`;
  return over === undefined ? 'held' : `over, being removed (${over})`;
}
