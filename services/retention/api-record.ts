import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import {
  type DiskKeyDraft,
  diskKeyDetails,
  type HoldDraft,
  holdDetails,
  isDiskKeyDraft,
  isHoldDraft,
  type RetentionDraft,
  reconciledDay,
  recordedDiskKey,
  retentionDetails,
} from '#shared/control';
import { orderLimits, parseTarget, type Target, targetKinds } from '#shared/orders';
import { holdTaskSchema, type RetentionRecord } from '#shared/retention';
import type { Clock } from '#shared/runtime';
import { signedHeaders } from '#shared/signed-request';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import type { RetentionCredential } from './credential.ts';

/** The disclosure API refused, or is away. */
export class ApiRecordError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`the ledger did not take an entry about expiry (${code})`);
    this.name = 'ApiRecordError';
    this.code = code;
  }
}

/** The longest answer is a list of some thousand holds. */
const limits = { answerBytes: 1024 * 1024, timeoutMs: 60_000 } as const;

const run = { id: z.uuidv7(), at: utcTimestamp };
const view = z.object({
  policy: retentionDetails['retention.configured'].extend({ since: utcTimestamp }).nullable(),
  openRun: retentionDetails['retention.started'].extend(run).nullable(),
  lastCertificate: retentionDetails['retention.certified'].extend(run).nullable(),
  lastOverdue: retentionDetails['retention.overdue'].extend({ at: utcTimestamp }).nullable(),
  diskKeys: z.array(recordedDiskKey),
  reconciled: z.array(reconciledDay),
  holds: z.int().min(0),
  now: utcTimestamp,
  latestAt: utcTimestamp,
  believedAt: utcTimestamp,
  size: z.int(),
  signedSize: z.int(),
});
const problem = z.object({ code: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/) });

const holdTasks = z.object({ items: z.array(holdTaskSchema) });
const target = z
  .object({ kind: z.enum(targetKinds), value: z.string(), subaddresses: z.boolean().optional() })
  .transform(({ kind, value, subaddresses }, context): Target => {
    const parsed = parseTarget(kind, value, subaddresses);
    if (parsed.ok) return parsed.target;
    context.addIssue({ code: 'custom', message: 'is no target' });
    return z.NEVER;
  });
const holdScope = z.object({
  version: z.int(),
  scope: z.object({
    targets: z.array(target).max(orderLimits.targets),
    from: utcTimestamp,
    to: utcTimestamp,
    categories: z.array(z.enum(categoryIds)),
    collectedUpTo: utcTimestamp,
  }),
});

const paths: Readonly<Record<(RetentionDraft | DiskKeyDraft)['kind'], string>> = {
  'retention.configured': '/v1/retention/policy',
  'retention.started': '/v1/retention/runs',
  'retention.certified': '/v1/retention/certificates',
  'retention.overdue': '/v1/retention/alarms',
  'retention.reconciled': '/v1/retention/sums',
  'disk_key.created': '/v1/retention/keys',
  'disk_key.retired': '/v1/retention/keys/retired',
  'disk_key.destroyed': '/v1/retention/keys/destroyed',
};

/** The ledger over the disclosure API, with requests that are signed like everybody's. */
export function createApiRecord(options: {
  readonly credential: RetentionCredential;
  readonly clock: Clock;
  /** PEM of the authority that signed the API's certificate, where the system does not know it. */
  readonly caCertificate?: Buffer;
  /** Where to send what is signed for the public URL, where that is another one. */
  readonly connectTo?: string;
}): RetentionRecord {
  const { credential, clock, caCertificate } = options;
  const connectTo = options.connectTo ?? credential.service;
  const { service } = credential;

  async function send(method: 'GET' | 'POST', path: string, body: Buffer): Promise<unknown> {
    const now = clock.now();
    const headers = await signedHeaders(credential, { service, method, path, body, now });
    const { status, bytes } = await exchange(connectTo + path, { method, headers, body, caCertificate });
    const answer = parse(bytes);
    if (status === 200) return answer;
    throw new ApiRecordError(problem.safeParse(answer).data?.code ?? 'service.unexpected_answer');
  }

  async function read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await send('GET', path, Buffer.alloc(0)));
    if (!parsed.success) throw new ApiRecordError('service.unexpected_answer');
    return parsed.data;
  }

  return {
    view: () => read('/v1/retention', view),
    holds: async () => (await read('/v1/retention/holds', holdTasks)).items,
    holdScope: async (orderId) => {
      try {
        return await read(`/v1/retention/holds/${orderId}/scope`, holdScope);
      } catch (error) {
        // It ended since it was listed.
        if (error instanceof ApiRecordError && error.code === 'hold.none') return null;
        throw error;
      }
    },
    append: async (draft) => {
      const path = isHoldDraft(draft)
        ? `/v1/retention/holds/${draft.subject}/${draft.kind.replace('hold.', '')}`
        : paths[draft.kind];
      await send('POST', path, Buffer.from(JSON.stringify(bodyOf(draft))));
    },
  };
}

/** In the schema's order of members, so that an auditor finds the body that was signed from the entry. */
function bodyOf(draft: RetentionDraft | DiskKeyDraft | HoldDraft): object {
  if (isHoldDraft(draft)) return holdDetails[draft.kind].parse(draft.details);
  if (isDiskKeyDraft(draft)) return diskKeyDetails[draft.kind].parse(draft.details);
  const details = retentionDetails[draft.kind].parse(draft.details);
  return 'subject' in draft ? { runId: draft.subject, ...details } : details;
}

function exchange(
  url: string,
  {
    method,
    headers,
    body,
    caCertificate,
  }: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
    readonly caCertificate: Buffer | undefined;
  },
): Promise<{ status: number; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new ApiRecordError('service.unreachable'));
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const call = request(
      url,
      { method, headers, timeout: limits.timeoutMs, ...(caCertificate ? { ca: caCertificate } : {}) },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > limits.answerBytes) call.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) }));
        response.on('error', fail);
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', fail);
    call.end(body);
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
