import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { diskKeyDetails, reconciledDay, recordedDiskKey, retentionDetails } from '#shared/control';
import { utcTimestamp } from '#shared/traffic';
import type { ServiceContext } from '../context.ts';
import { decideOnExpiry, type ExpiryDraft, retentionView } from '../control/retention-record.ts';
import { ApiError } from '../errors.ts';
import { act, recordReading } from '../http/act.ts';
import { idSchema } from './members.ts';
import { retentionHoldRoutes } from './retention-holds.ts';
import { problemResponses } from './schemas.ts';

const configured = retentionDetails['retention.configured'];
const started = retentionDetails['retention.started'];
const certified = retentionDetails['retention.certified'];
const overdue = retentionDetails['retention.overdue'];
const reconciled = retentionDetails['retention.reconciled'];
const keyCreated = diskKeyDetails['disk_key.created'];
const keyRetired = diskKeyDetails['disk_key.retired'];
const keyDestroyed = diskKeyDetails['disk_key.destroyed'];
const run = { id: idSchema, at: utcTimestamp };

const view = z
  .object({
    policy: configured.extend({ since: utcTimestamp }).nullable(),
    openRun: started.extend(run).nullable(),
    lastCertificate: certified.extend(run).nullable(),
    lastOverdue: overdue.extend({ at: utcTimestamp }).nullable(),
    reconciled: z.array(reconciledDay),
    diskKeys: z.array(recordedDiskKey),
    holds: z.int(),
    now: utcTimestamp,
    latestAt: utcTimestamp,
    believedAt: utcTimestamp,
    size: z.int(),
    signedSize: z.int(),
  })
  .meta({ id: 'Retention' });

const done = z.object({ recorded: z.literal(true) });
const recorded = { recorded: true } as const;
const runBody = { runId: idSchema };

/** Records what the retention service says, where the rules allow it. */
export type AppendOnExpiry = (request: FastifyRequest, draft: ExpiryDraft) => Promise<{ recorded: true }>;

/**
 * The retention service, where it is a process of its own: it signs like everybody, with a credential of the
 * role `retention`, and its entries carry what it signed. Auditors read how it stands.
 */
export function retentionRoutes(root: FastifyInstance, context: ServiceContext): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ['retention'];
  const answers = { 200: done, ...problemResponses };

  async function append(request: FastifyRequest, draft: ExpiryDraft): Promise<typeof recorded> {
    await act(context, request, (state, at) => {
      const decision = decideOnExpiry(state, draft, at);
      return decision.ok
        ? { ok: true, entries: [draft], result: undefined }
        : { ok: false, error: new ApiError(decision.code) };
    });
    return recorded;
  }

  app.get(
    '/v1/retention',
    {
      config: { access: ['retention', 'auditor'] },
      schema: {
        summary: 'What the ledger says of expiry',
        tags,
        response: { 200: view, ...problemResponses },
      },
    },
    async (request) => recordReading(context, request, (state, at) => retentionView(state, at)),
  );

  app.post(
    '/v1/retention/policy',
    {
      config: { access: ['retention'] },
      schema: { summary: 'Record the period in force', tags, body: configured, response: answers },
    },
    async (request) => append(request, { kind: 'retention.configured', details: request.body }),
  );

  app.post(
    '/v1/retention/runs',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record what is about to be removed',
        tags,
        body: z.strictObject({ ...runBody, ...started.shape }),
        response: answers,
      },
    },
    async (request) => {
      const { runId: subject, ...details } = request.body;
      return append(request, { kind: 'retention.started', subject, details });
    },
  );

  app.post(
    '/v1/retention/certificates',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record that it is gone',
        tags,
        body: z.strictObject({ ...runBody, ...certified.shape }),
        response: answers,
      },
    },
    async (request) => {
      const { runId: subject, ...details } = request.body;
      return append(request, { kind: 'retention.certified', subject, details });
    },
  );

  app.post(
    '/v1/retention/alarms',
    {
      config: { access: ['retention'] },
      schema: { summary: 'Record what is there past its time', tags, body: overdue, response: answers },
    },
    async (request) => append(request, { kind: 'retention.overdue', details: request.body }),
  );

  app.post(
    '/v1/retention/sums',
    {
      config: { access: ['retention'] },
      schema: { summary: "Record a day's sums", tags, body: reconciled, response: answers },
    },
    async (request) => append(request, { kind: 'retention.reconciled', details: request.body }),
  );

  app.post(
    '/v1/retention/keys',
    {
      config: { access: ['retention'] },
      schema: { summary: 'Record a new key of the disk', tags, body: keyCreated, response: answers },
    },
    async (request) => append(request, { kind: 'disk_key.created', details: request.body }),
  );

  app.post(
    '/v1/retention/keys/retired',
    {
      config: { access: ['retention'] },
      schema: {
        summary: 'Record that no file needs a key, before it is destroyed',
        tags,
        body: keyRetired,
        response: answers,
      },
    },
    async (request) => append(request, { kind: 'disk_key.retired', details: request.body }),
  );

  app.post(
    '/v1/retention/keys/destroyed',
    {
      config: { access: ['retention'] },
      schema: { summary: 'Record that a key is gone', tags, body: keyDestroyed, response: answers },
    },
    async (request) => append(request, { kind: 'disk_key.destroyed', details: request.body }),
  );

  retentionHoldRoutes(root, context, append);
}
