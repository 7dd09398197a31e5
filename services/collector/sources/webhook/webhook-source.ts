import { z } from 'zod';
import type { ListenAddress, Logger } from '#shared/runtime';
import type { LineFormat } from '../../config.ts';
import {
  type Gap,
  type LineSource,
  type RequestCounts,
  type SourceBatch,
  type SourceProgress,
  sourceLimits,
} from '../source.ts';
import { linesOf, type MediaType } from './body-lines.ts';
import { Credentials, type SecretFile } from './credentials.ts';
import { type Listener, openListener } from './listener.ts';
import { Refusal, type RefusalCode } from './refusals.ts';
import { Spool } from './spool.ts';

export interface WebhookSourceOptions {
  readonly id: string;
  readonly listen: ListenAddress;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly secrets: readonly SecretFile[];
  readonly format: LineFormat;
  readonly spoolFolder: string;
  readonly spoolBytes: number;
  readonly logger: Logger;
}

/**
 * A source to which lines are delivered over HTTP. They are on the disk before the delivery is acknowledged;
 * from there they are read like those of a file.
 *
 * A line's position is its number in the spool. A delivery that is repeated because its acknowledgement was
 * lost is recognised by the digest of its lines, where a line cannot stand for two events
 * (`SpoolLine.identity`), and left out in front of the correlators: they are machines with a state, and must
 * not see a logout twice. Ids come from positions all the same: beyond what is remembered a repeated line is
 * told again, rather than under an id that another event of that line's may have (logouts that had waited
 * long enough come with whatever line is next).
 */
export interface WebhookSource extends LineSource {
  /** Lets go of the reader's place only: the listener goes on while the pipeline opens the source again. */
  close(): Promise<void>;
  /** Listens no more, finishes the requests at work, and lets go of the spool. */
  end(): Promise<void>;
  /** Port that is listened on, once the source was opened. */
  readonly port: number | undefined;
}

export function createWebhookSource(options: WebhookSourceOptions): WebhookSource {
  return new ListeningSource(options);
}

const resumeSchema = z.object({ spool: z.string(), next: z.int().min(0) });
type Resume = z.infer<typeof resumeSchema>;

class ListeningSource implements WebhookSource {
  readonly #options: WebhookSourceOptions;
  readonly #refused = new Map<RefusalCode, number>();
  #accepted = 0;
  #spool: Spool | undefined;
  #listener: Listener | undefined;
  #resume: Resume = { spool: '', next: 0 };
  #gaps: Gap[] = [];

  constructor(options: WebhookSourceOptions) {
    this.#options = options;
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  async open(resume: unknown): Promise<unknown> {
    const { id, spoolFolder, spoolBytes, logger } = this.#options;
    this.#spool ??= await Spool.open({ folder: spoolFolder, maxBytes: spoolBytes, logger, sourceId: id });
    const spool = this.#spool;
    spool.rewind();
    const { data: before } = resumeSchema.safeParse(resume);
    const isOurs = before?.spool === spool.id && before.next >= spool.first;
    this.#resume = isOurs ? before : { spool: spool.id, next: spool.first };
    // What was being read is not what is here: what it held and was not handled is lost.
    this.#gaps =
      isOurs || before === undefined ? [] : [{ kind: 'lost', position: `${before.spool}:${before.next}` }];
    if (isOurs) await spool.skipTo(before.next);
    this.#listener ??= await this.#listen();
    return this.#gaps.length > 0 ? resume : this.#resume;
  }

  /** Called again only once the last batch was committed: what stands before it in the spool is let go of. */
  async read(maxLines: number, signal: AbortSignal): Promise<SourceBatch> {
    const spool = this.#spool;
    if (spool === undefined) throw new Error('the webhook source is not open');
    const gaps = this.#gaps;
    this.#gaps = [];
    await spool.retire(this.#resume.next);
    if (gaps.length === 0) await spool.waitBeyond(this.#resume.next, sourceLimits.pollMs, signal);
    const { lines, next } = spool.read(this.#resume.next, maxLines);
    if (next > this.#resume.next) this.#resume = { spool: spool.id, next };
    return { lines, gaps, resume: this.#resume, ended: false };
  }

  progress(): SourceProgress {
    const requests: RequestCounts = {
      accepted: this.#accepted,
      refused: Object.fromEntries(this.#refused),
    };
    if (this.#listener === undefined) return { state: 'waiting', requests };
    return { state: 'following', lagBytes: this.#spool?.bytesFrom(this.#resume.next) ?? 0, requests };
  }

  /** Not known: lines may be older than the segment that they stand in. */
  writtenMs(): undefined {}

  async close(): Promise<void> {}

  async end(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
    await this.#spool?.close();
    this.#spool = undefined;
  }

  async #listen(): Promise<Listener> {
    const { id, listen, tls, secrets } = this.#options;
    return openListener({
      sourceId: id,
      listen,
      ...(tls === undefined ? {} : { tls }),
      credentials: await Credentials.read(secrets),
      accept: (body, mediaType) => this.#accept(body, mediaType),
      onRefused: (code) => this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1),
    });
  }

  async #accept(body: Buffer, mediaType: MediaType): Promise<void> {
    const lines = linesOf(body, mediaType, this.#options.format);
    if (lines === undefined) throw new Refusal('webhook.too_large');
    const spool = this.#spool;
    if (spool === undefined) throw new Refusal('webhook.spool_unavailable');
    const result = lines.length === 0 ? { ok: true as const } : await spool.append(lines);
    if (!result.ok) throw new Refusal(result.reason);
    this.#accepted++;
  }
}
