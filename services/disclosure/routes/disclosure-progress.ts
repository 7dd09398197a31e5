import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ControlState, credentialIsActive, decideCancellation } from '#shared/control';
import { utc } from '#shared/runtime';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { mediaTypes } from '../limits.ts';
import { findDisclosure, viewOf } from './disclosure-view.ts';
import {
  binary,
  type DisclosureProgress,
  disclosureParams,
  disclosureView,
  problemResponses,
} from './schemas.ts';

/** A line comes at least so often, and one request is answered for so long: then the client asks again. */
const follow = { everyMs: 500, longestMs: 600_000 } as const;

/**
 * Officers follow a disclosure while its package is made, and cancel it. Following is one request and one
 * entry, however many lines are answered; each says counts and no more.
 */
export function disclosureProgressRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { clock, control, packages, releases } = context;
  const closing = new AbortController();
  root.addHook('preClose', async () => closing.abort());

  async function current(disclosureId: string): Promise<DisclosureProgress> {
    const disclosure = control.state.disclosures.get(disclosureId);
    if (!disclosure) throw new ApiError('disclosure.unknown');
    const { status, released } = disclosure;
    const ready = released !== undefined && (await packages.isSealed(disclosureId));
    const made = released
      ? { records: released.details.records, bytes: released.details.bytes }
      : releases.progress(disclosureId);
    return { status, ready, ...made };
  }

  async function* lines(disclosureId: string, thumbprint: string): AsyncGenerator<string> {
    const until = performance.now() + follow.longestMs;
    const mayGoOn = (state: Readonly<ControlState>): boolean => {
      const credential = state.credentials.get(thumbprint);
      return credential !== undefined && credentialIsActive(credential, utc(clock.now()));
    };
    for (;;) {
      const progress = await current(disclosureId);
      yield `${JSON.stringify(progress)}\n`;
      const isOver = progress.ready || ['Error', 'Cancelled'].includes(progress.status);
      if (isOver || closing.signal.aborted || performance.now() > until) return;
      await pause(follow.everyMs, undefined, { signal: closing.signal }).catch(() => {});
      if (!mayGoOn(control.state)) return;
    }
  }

  app.get(
    '/v1/disclosures/:disclosureId/progress',
    {
      config: { access: ['officer', 'auditor'] },
      schema: {
        summary: 'Follow a disclosure until its package can be fetched: a line of JSON twice a second',
        tags: ['disclosures'],
        params: disclosureParams,
        response: { 200: binary(mediaTypes.lines), ...problemResponses },
      },
    },
    async (request, reply) => {
      const { disclosureId } = request.params;
      const thumbprint = await recordReading(context, request, (state, _at, credential) => {
        findDisclosure(state, disclosureId, credential);
        return credential.thumbprint;
      });
      return reply.type(mediaTypes.lines).send(Readable.from(lines(disclosureId, thumbprint)));
    },
  );

  app.post(
    '/v1/disclosures/:disclosureId/cancellation',
    {
      config: { access: ['officer'] },
      schema: {
        summary: 'Cancel a disclosure whose package was not announced',
        tags: ['disclosures'],
        params: disclosureParams,
        response: { 200: disclosureView, ...problemResponses },
      },
    },
    async (request) => {
      const { disclosureId } = request.params;
      const { result } = await act(context, request, (state, _at, credential) => {
        const decision = decideCancellation(state, disclosureId, credential);
        if (!decision.ok) return { ok: false, error: new ApiError(decision.code) };
        const { disclosure } = decision;
        return {
          ok: true,
          entries: [
            { kind: 'disclosure.cancelled', subject: disclosureId, details: { orderId: disclosure.orderId } },
          ],
          result: { ...disclosure, status: 'Cancelled' as const },
        };
      });
      releases.cancel(disclosureId);
      return viewOf(result, false);
    },
  );
}
