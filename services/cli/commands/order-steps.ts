import { type Command, Option } from 'commander';
import { revocationReasons, suspensionReasons } from '#shared/control';
import { readJson } from '../files.ts';
import type { CliIo } from '../io.ts';
import {
  example,
  groundOption,
  idArgument,
  orderVersionOption,
  type SignedOptions,
  signed,
  signedClient,
  timeArgument,
} from '../options.ts';
import { readOrderDocument } from '../order-document.ts';
import { withoutBlanks } from '../order-draft.ts';
import { orderLines } from '../order-lines.ts';
import { printResult } from '../output.ts';
import { orderStatusView } from '../views.ts';

interface StepOptions extends SignedOptions {
  readonly orderVersion: number;
  readonly reason: string;
  readonly ground: readonly string[];
  readonly received: string;
  readonly answer: 'no_objection' | 'objection';
  readonly followUp: string;
  readonly order: string;
  readonly document: string;
}

/** What happens to an order after it was recorded: each command is one signed request. */
export function addOrderSteps(order: Command, io: CliIo): void {
  /** @param path last part of the route; `bodyOf` members in the order in which verifiers expect them */
  function step(
    name: string,
    path: string,
    description: string,
    options: readonly Option[],
    bodyOf: (options: StepOptions) => Promise<object> | object,
    exampleOptions = '',
  ): void {
    const command = signed(order.command(name))
      .argument('<id>', 'order id', idArgument)
      .description(description);
    for (const option of options) command.addOption(option);
    command
      .addHelpText(
        'after',
        example(`order ${name} 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e --as me.json${exampleOptions}`),
      )
      .action(async (id: string, given: StepOptions) => {
        const body = await bodyOf(given);
        const client = await signedClient(io, given.as);
        const after = await client.post(`/v1/orders/${id}/${path}`, body, orderStatusView);
        await printResult(io, given.json, after, orderLines(after));
      });
  }
  const reason = (choices: readonly string[]): Option =>
    new Option('--reason <reason>', 'why').choices(choices).makeOptionMandatory();
  const received = new Option('--received <time>', 'when the answer came')
    .argParser(timeArgument)
    .makeOptionMandatory();

  step(
    'amend',
    'amendment',
    'record the next version of an order; it needs approval again (registrar)',
    [
      orderVersionOption('version that is replaced'),
      new Option('--order <file>', 'order file, whole').makeOptionMandatory(),
      new Option('--document <file>', 'the amended order itself: PDF, XML or PKCS #7').makeOptionMandatory(),
    ],
    async (options) => ({
      version: options.orderVersion,
      order: withoutBlanks(await readJson(options.order, 'order')) ?? {},
      document: await readOrderDocument(options.document),
    }),
    ' --order order.json --document order.pdf',
  );
  step(
    'suspend',
    'suspension',
    'stop all releases under an order, also those under way (registrar, reviewer)',
    [reason(suspensionReasons)],
    ({ reason }) => ({ reason }),
    ' --reason by_authority',
  );
  step(
    'resume',
    'resumption',
    'let a suspended order go on; by another person than who recorded it (reviewer)',
    [orderVersionOption('version that goes on')],
    ({ orderVersion }) => ({ version: orderVersion }),
  );
  step(
    'withdraw',
    'revocation',
    'end an order for good: withdrawn, or found void (registrar, reviewer)',
    [reason(revocationReasons)],
    ({ reason }) => ({ reason }),
    ' --reason withdrawn',
  );
  step(
    'clarify',
    'clarification',
    'record that the authority was asked; nothing is released until it answers (registrar, reviewer)',
    [orderVersionOption('version that the question is about'), groundOption().makeOptionMandatory()],
    ({ orderVersion, ground }) => ({ version: orderVersion, grounds: ground }),
    ' --ground epoc.incomplete',
  );
  step(
    'clarified',
    'clarification-answer',
    'record that the authority has answered (registrar, reviewer)',
    [received],
    ({ received }) => ({ receivedAt: received }),
    ' --received 2026-11-24T09:00:00Z',
  );
  step(
    'notified',
    'notification-answer',
    'record what the notified authority answered; no_objection by a reviewer (registrar, reviewer)',
    [
      orderVersionOption('version that the answer is about'),
      new Option('--answer <answer>', 'what it answered')
        .choices(['no_objection', 'objection'])
        .makeOptionMandatory(),
      groundOption(),
      received,
    ],
    ({ orderVersion, answer, ground, received }) => ({
      version: orderVersion,
      answer,
      ...(ground.length > 0 ? { grounds: ground } : {}),
      receivedAt: received,
    }),
    ' --answer no_objection --received 2026-11-24T09:00:00Z',
  );
  step(
    'followed-up',
    'follow-up',
    'record that what must follow an emergency was done (registrar, reviewer)',
    [
      orderVersionOption('version in force'),
      new Option('--follow-up <name>', 'which, as griffie order show names it').makeOptionMandatory(),
    ],
    ({ orderVersion, followUp }) => ({ version: orderVersion, followUp }),
    ' --follow-up nl.order_in_writing',
  );
}
