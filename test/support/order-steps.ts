import { Replay, type ReplayReport } from '#shared/control';
import type { OrderDraft } from '#shared/orders';
import { shippedRegimes } from '#shared/regimes';
import { type Answer, orderBody, type Person, type TestService } from './test-service.ts';

/** Steps that people take about one order. */
export const orderSteps = (orderId: string) => ({
  take: (by: Person, step: string, body?: object): Promise<Answer> =>
    by.call('POST', `/v1/orders/${orderId}/${step}`, body && { body }),
  amend: (by: Person, version: number, draft: OrderDraft): Promise<Answer> =>
    by.call('POST', `/v1/orders/${orderId}/amendment`, {
      body: { version, ...(orderBody(draft) as object) },
    }),
  request: (by: Person, orderVersion?: number): Promise<Answer> =>
    by.call('POST', '/v1/disclosures', {
      body: { orderId, ...(orderVersion === undefined ? {} : { orderVersion }) },
    }),
});

/** Code of a refusal, or the status of the order. */
export const outcomeOf = ({ status, body }: Answer): string => (status < 300 ? body.status : body.code);

/** A European Production Order under which anything may be asked for, but for what `change` says. */
export function epocDraft(t: TestService, change: Partial<OrderDraft> = {}): OrderDraft {
  const { validatedBy: _, ...draft } = t.orderDraft({
    regime: 'EU_EPOC',
    legalBasis: 'Article 5',
    issuingState: 'DE',
    issuer: { authority: 'Amtsgericht Berlin', role: 'judge', fileReference: '1 Js 1/96' },
    offence: { provisions: 'StGB 263', threshold: 'three years' },
    notification: { required: false },
  });
  return { ...draft, ...change };
}

/** Replays the whole ledger of a test. */
export async function replayed(t: TestService): Promise<ReplayReport> {
  const replay = new Replay(undefined, shippedRegimes());
  for await (const leaves of t.ledger.leaves()) await replay.take(leaves, replay.state.size);
  return replay.report();
}
