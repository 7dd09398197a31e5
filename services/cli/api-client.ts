import { z } from 'zod';
import { jsonHeaders, type SignerKey, signedHeaders } from '#shared/signed-request';
import { CliError, exitCodes } from './errors.ts';
import {
  type Answer,
  chunksOf,
  clientLimits,
  collect,
  parseJson,
  startIdleTimer,
  unexpected,
  unreachable,
} from './http-answer.ts';
import { type CliIo, write } from './io.ts';

const problemSchema = z.object({
  title: z.string(),
  detail: z.string(),
  code: z.string(),
  codes: z.array(z.string()).optional(),
  problems: z
    .array(
      z.object({
        path: z.string(),
        sentence: z.string(),
        kind: z.string().optional(),
        rule: z.string().optional(),
        source: z.string().optional(),
      }),
    )
    .optional(),
});

type ProblemDocument = z.infer<typeof problemSchema>;

const unavailableStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

/** The service refused: its problem document (RFC 9457), with what the user can do. */
export class ApiProblem extends CliError {
  readonly status: number;

  constructor(status: number, { title, detail, code, codes = [], problems = [] }: ProblemDocument) {
    const exitCode = unavailableStatuses.has(status) ? exitCodes.unavailable : exitCodes.refused;
    const others = codes.filter((other) => other !== code);
    super(exitCode, code, `${title}: ${detail}`, [
      ...problems,
      ...others.map((other) => ({ path: '', sentence: `refused for another reason, too: ${other}` })),
    ]);
    this.name = 'ApiProblem';
    this.status = status;
  }
}

export interface ApiClientOptions {
  readonly io: CliIo;
  /** The service's public URL without a trailing slash: the `aud` of what is signed. */
  readonly service: string;
  /** Absent: only what is public can be read. */
  readonly signer?: { readonly credentialId: string; readonly key: SignerKey };
}

/** When a request is signed, milliseconds since the epoch; with a nonce of the service as its `jti`. */
interface SigningTime {
  readonly now: number;
  readonly jti?: string;
}

const nonceView = z.object({ nonce: z.string(), now: z.iso.datetime() });

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Paths begin with a slash and are appended to the service's URL. All methods throw `CliError`. */
export interface ApiClient {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  /** @param body is sent as JSON; absent: no body. @param more headers, which are not signed */
  post<T>(
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
    more?: Readonly<Record<string, string>>,
  ): Promise<T>;
  /** The whole answer of at most `maxBytes`; undefined for 404. */
  getBytes(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Hands the answer's bytes on as they come. Rejects where fewer came than were announced. */
  download(path: string, take: (chunk: Uint8Array) => Promise<void>): Promise<void>;
}

/**
 * A client of the disclosure API that signs each request anew. Redirects are not followed: what was signed
 * is for one URL.
 */
export function createApiClient({ io, service, signer }: ApiClientOptions): ApiClient {
  async function send(
    method: 'GET' | 'POST',
    path: string,
    body: Uint8Array,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await sendOnce(method, path, body, { more, at: { now: io.now() } });
    if (!signer || answer.response.status !== 401) return answer;
    // The answer is small, and needed again by whoever reads it.
    const bytes = await collect(answer.chunks, clientLimits.jsonBytes, service);
    const code = problemSchema.safeParse(parseJson(bytes)).data?.code;
    if (code !== 'proof.stale' && code !== 'proof.future') return { ...answer, chunks: once(bytes) };
    // This computer's clock is wrong: the service's is taken, with a nonce that shows when it was signed.
    return sendOnce(method, path, body, { more, at: await serviceTime() });
  }

  async function serviceTime(): Promise<SigningTime> {
    const answer = await sendOnce('POST', '/v1/nonces', new Uint8Array(), { more: {}, at: null });
    const { nonce, now } = await readJson(answer, nonceView);
    const behind = Math.round((Date.parse(now) - io.now()) / 1000);
    await write(io.stderr, `This computer's clock is off by ${Math.abs(behind)} seconds; set it.\n`);
    return { now: Date.parse(now), jti: nonce };
  }

  async function sendOnce(
    method: 'GET' | 'POST',
    path: string,
    body: Uint8Array,
    { more, at }: { more: Readonly<Record<string, string>>; at: SigningTime | null },
  ): Promise<Answer> {
    const own =
      signer && at ? await signedHeaders(signer, { service, method, path, body, ...at }) : jsonHeaders(body);
    const idle = startIdleTimer();
    try {
      const response = await io.fetch(service + path, {
        method,
        headers: { ...more, ...own },
        redirect: 'manual',
        signal: idle.signal,
        ...(body.length > 0 ? { body } : {}),
      });
      idle.touch();
      return { response, chunks: chunksOf(response, idle, service) };
    } catch (error) {
      idle.stop();
      throw unreachable(service, error);
    }
  }

  async function expectOk({ response, chunks }: Answer): Promise<void> {
    if (response.ok) return;
    const bytes = await collect(chunks, clientLimits.jsonBytes, service);
    const problem = problemSchema.safeParse(parseJson(bytes));
    if (!problem.success) throw unexpected(service, response.status);
    throw new ApiProblem(response.status, problem.data);
  }

  async function readJson<T>(answer: Answer, schema: z.ZodType<T>): Promise<T> {
    await expectOk(answer);
    const bytes = await collect(answer.chunks, clientLimits.jsonBytes, service);
    const parsed = schema.safeParse(parseJson(bytes));
    if (!parsed.success) throw unexpected(service, answer.response.status);
    return parsed.data;
  }

  return {
    get: async (path, schema) => readJson(await send('GET', path, new Uint8Array()), schema),
    post: async (path, body, schema, more) => {
      const bytes = body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body));
      return readJson(await send('POST', path, bytes, more), schema);
    },
    getBytes: async (path, maxBytes) => {
      const answer = await send('GET', path, new Uint8Array());
      if (answer.response.status === 404) {
        await collect(answer.chunks, clientLimits.jsonBytes, service);
        return undefined;
      }
      await expectOk(answer);
      return collect(answer.chunks, maxBytes, service);
    },
    download: async (path, take) => {
      const answer = await send('GET', path, new Uint8Array());
      await expectOk(answer);
      const announced = answer.response.headers.get('content-length');
      let received = 0;
      for await (const chunk of answer.chunks) {
        received += chunk.length;
        await take(chunk);
      }
      if (announced !== null && received !== Number(announced)) {
        throw unreachable(service, new Error('the answer ended early'));
      }
    },
  };
}
