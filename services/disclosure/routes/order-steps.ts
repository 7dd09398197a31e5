import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import {
  type ControlState,
  type Credential,
  type Decision,
  decideApproval,
  decideClarification,
  decideClarified,
  decideFollowUp,
  decideNotificationAnswer,
  decideRejection,
  decideResumption,
  decideRevocation,
  decideSuspension,
  nextOrder,
  type OrderRefusal,
  type OrderState,
  personOf,
  type Role,
} from '#shared/control';
import type { Regime } from '#shared/orders';
import type { ServiceContext } from '../context.ts';
import { getOrder } from '../control/order-file.ts';
import { ApiError } from '../errors.ts';
import { type ActResult, act, type EntryDraft } from '../http/act.ts';
import {
  approveBody,
  clarifiedBody,
  clarifyBody,
  followUpBody,
  notificationAnswerBody,
  orderParams,
  orderStatusView,
  rejectBody,
  resumeBody,
  revokeOrderBody,
  suspendBody,
} from './order-schemas.ts';
import { orderStatusOf } from './order-view.ts';
import { problemResponses } from './schemas.ts';

/** What a step sees when its turn has come. */
interface StepInput<B> {
  readonly state: ControlState;
  readonly at: string;
  readonly credential: Credential;
  readonly orderId: string;
  readonly body: B;
  /** That of the order, where it is in force here. */
  readonly regime: Regime | undefined;
}

type StepResult = Decision<{ order: OrderState; entry: OrderEntryDraft }, OrderRefusal>;
type OrderEntryDraft = Extract<EntryDraft, { kind: `order.${string}` }>;

const keepers: readonly Role[] = ['registrar', 'reviewer'];

/** Steps that people take about an order that is recorded: each one decision, one entry, one answer. */
export function orderStepRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();

  function step<S extends z.ZodType>(
    name: string,
    access: readonly Role[],
    summary: string,
    body: S,
    decide: (input: StepInput<z.infer<S>>) => Promise<StepResult> | StepResult,
  ): void {
    app.post(
      `/v1/orders/:orderId/${name}`,
      {
        config: { access },
        schema: {
          summary,
          tags: ['orders'],
          params: orderParams,
          body: body as z.ZodType,
          response: { 200: orderStatusView, ...problemResponses },
        },
      },
      async (request: FastifyRequest) => {
        const { orderId } = request.params as z.infer<typeof orderParams>;
        const { result } = await act(context, request, async (state, at, credential) => {
          const regime = context.regimes.get(state.orders.get(orderId)?.details.regime ?? '');
          const given = request.body as z.infer<S>;
          const decision = await decide({ state, at, credential, orderId, body: given, regime });
          return taken(state, at, credential, decision);
        });
        return result;
      },
    );
  }

  step(
    'approval',
    ['reviewer'],
    'Approve a version of an order that other people recorded',
    approveBody,
    async (input) => {
      const { state, at, credential, orderId, body } = input;
      const { version = 1, estimate } = body ?? {};
      const decision = decideApproval(state, orderId, credential, at, { version, estimate });
      if (!decision.ok) return decision;
      // What is approved must be what was recorded: the file is opened and its digest checked.
      await getOrder(context.cases, decision.order);
      const details = { version, ...(estimate ? { estimate } : {}) };
      return { ...decision, entry: { kind: 'order.approved', subject: orderId, details } };
    },
  );

  step(
    'rejection',
    ['reviewer'],
    'Reject a version of an order that other people recorded',
    rejectBody,
    (input) => {
      const { state, at, credential, orderId, body, regime } = input;
      const { version = 1, reason, grounds } = body;
      const decision = decideRejection(state, { orderId, version }, credential, at, { grounds, regime });
      const details = { version, reason, ...(grounds ? { grounds } : {}) };
      return decision.ok
        ? { ...decision, entry: { kind: 'order.rejected', subject: orderId, details } }
        : decision;
    },
  );

  step(
    'suspension',
    keepers,
    'Suspend an order: nothing is released until it is resumed',
    suspendBody,
    (input) => {
      const decision = decideSuspension(input.state, input.orderId, input.at);
      const entry = { kind: 'order.suspended' as const, subject: input.orderId, details: input.body };
      return decision.ok ? { ...decision, entry } : decision;
    },
  );

  step('resumption', ['reviewer'], 'Resume an order that other people recorded', resumeBody, (input) => {
    const { state, at, credential, orderId, body } = input;
    const decision = decideResumption(state, { orderId, ...body }, credential, at);
    const entry = { kind: 'order.resumed' as const, subject: orderId, details: body };
    return decision.ok ? { ...decision, entry } : decision;
  });

  step('revocation', keepers, 'End an order for good: withdrawn, or found void', revokeOrderBody, (input) => {
    const decision = decideRevocation(input.state, input.orderId);
    const entry = { kind: 'order.revoked' as const, subject: input.orderId, details: input.body };
    return decision.ok ? { ...decision, entry } : decision;
  });

  step('clarification', keepers, 'Record that the authority was asked to clarify', clarifyBody, (input) => {
    const { state, at, orderId, body, regime } = input;
    const { version, grounds } = body;
    const decision = decideClarification(state, { orderId, version }, at, { grounds, regime });
    if (!decision.ok) return decision;
    const details = { version, grounds, stopsClock: decision.stopsClock };
    return { ...decision, entry: { kind: 'order.clarification_asked', subject: orderId, details } };
  });

  step('clarification-answer', keepers, 'Record that the authority has answered', clarifiedBody, (input) => {
    const { state, at, orderId, body } = input;
    const decision = decideClarified(state, orderId, at, body.receivedAt);
    const entry = { kind: 'order.clarification_answered' as const, subject: orderId, details: body };
    return decision.ok ? { ...decision, entry } : decision;
  });

  step(
    'notification-answer',
    keepers,
    'Record what the authority that was notified answered',
    notificationAnswerBody,
    (input) => {
      const { state, at, credential, orderId, body, regime } = input;
      const decision = decideNotificationAnswer(state, orderId, credential, at, { ...body, regime });
      const { version, answer, grounds, receivedAt } = body;
      const details = { version, answer, ...(grounds ? { grounds } : {}), receivedAt };
      const entry = { kind: 'order.notification_answered' as const, subject: orderId, details };
      return decision.ok ? { ...decision, entry } : decision;
    },
  );

  step('follow-up', keepers, 'Record that what must follow an emergency was done', followUpBody, (input) => {
    const { state, at, orderId, body } = input;
    const { version, followUp } = body;
    const decision = decideFollowUp(state, { orderId, version }, at, followUp);
    const entry = { kind: 'order.followed_up' as const, subject: orderId, details: { version, followUp } };
    return decision.ok ? { ...decision, entry } : decision;
  });
}

/** The entry of an allowed step, and how the order stands after it. */
export function taken(
  state: ControlState,
  at: string,
  credential: Credential,
  decision: StepResult,
): ActResult<ReturnType<typeof orderStatusOf>> {
  if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
  const { entry, order } = decision;
  const after = nextOrder(order, { ...entry, at }, personOf(credential), state.size);
  return { ok: true, entries: [entry], result: orderStatusOf(after, at) };
}
