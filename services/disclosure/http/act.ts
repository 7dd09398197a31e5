import type { FastifyRequest } from 'fastify';
import {
  type AnyControlEntry,
  type ControlState,
  type Credential,
  decideClock,
  decideUse,
  type Role,
} from '#shared/control';
import type { ServiceContext } from '../context.ts';
import { ApiError, type ErrorCode } from '../errors.ts';
import type { Authenticated, Known } from './authenticate.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that is not public, once head and body are as they were signed. */
    authenticated: Authenticated | null;
    /** Set once the head is as it was signed. */
    head: Authenticated | null;
    /** Whose request it is, for its refusal: known before the body was read. */
    known: Known | null;
    /** The body's exact bytes, as they were signed. */
    bodyBytes: Buffer | null;
    /** Code of the refusal that was answered; null where the request was granted. */
    refusal: ErrorCode | null;
  }
  interface FastifyContextConfig {
    /** Who may call the route. A route without it is refused at start-up: deny by default. */
    access?: readonly Role[] | 'public';
  }
}

type WithoutEnvelope<E> = E extends AnyControlEntry ? Omit<E, 'at' | 'actor' | 'evidence'> : never;
/** An entry as a route decides it; time, actor and evidence are added here. */
export type EntryDraft = WithoutEnvelope<AnyControlEntry>;

export type ActResult<T> =
  | { readonly ok: true; readonly entries: readonly EntryDraft[]; readonly result: T }
  /** `entries`: what is recorded of the refusal; by default one `access.refused`. */
  | { readonly ok: false; readonly error: ApiError; readonly entries?: readonly EntryDraft[] };

/** Route as the ledger names it: method and pattern, never a path with ids or a query in it. */
export function routeName(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? ''}`;
}

/**
 * Carries out a signed request as one step of the control plane: use of the proof, decision and entries
 * together, in ledger order.
 * @throws ApiError that is recorded already, where the step refuses.
 */
export async function act<T>(
  context: ServiceContext,
  request: FastifyRequest,
  run: (state: ControlState, at: string, credential: Credential) => Promise<ActResult<T>> | ActResult<T>,
): Promise<{ result: T; indexes: readonly number[] }> {
  const { authenticated } = request;
  const allowed = request.routeOptions.config.access;
  if (!authenticated || !allowed || allowed === 'public') throw new ApiError('service.internal');
  const { proof } = authenticated;
  const { result, indexes } = await context.control.transact<ActResult<T>>(async (state, at) => {
    const access = decideUse(state, proof, allowed, at);
    const outcome: ActResult<T> = access.ok
      ? await run(state, at, access.credential)
      : { ok: false, error: new ApiError(access.code) };
    const drafts = outcome.ok ? outcome.entries : (outcome.entries ?? [refusalEntry(request, outcome.error)]);
    return {
      entries: drafts.map((draft, i) => complete(draft, at, authenticated, i === 0)),
      result: outcome,
    };
  });
  if (!result.ok) throw asRecorded(result.error);
  return { result: result.result, indexes };
}

/**
 * Records a refusal to a known credential; durable when it resolves.
 * @returns the refusal as it was recorded: under a clock that was set back there is no other.
 */
export async function recordRefusal(
  context: ServiceContext,
  request: FastifyRequest,
  known: Known,
  error: ApiError,
): Promise<ApiError> {
  const { result } = await context.control.transact(
    (state, at) => {
      const clock = decideClock(state, at);
      // Its times cannot be held against this clock, so that the request is neither evidence nor used up.
      const [refusal, by] = clock.ok ? [error, known] : [new ApiError(clock.code), { ...known, proof: null }];
      return { entries: [complete(refusalEntry(request, refusal), at, by, true)], result: refusal };
    },
    { underAnyClock: true },
  );
  return result;
}

/** A reading: access that changes nothing, and is recorded all the same. */
export async function recordReading<T>(
  context: ServiceContext,
  request: FastifyRequest,
  read: (state: ControlState, at: string, credential: Credential) => Promise<T> | T,
): Promise<T> {
  const { result } = await act(context, request, async (state, at, credential) => {
    try {
      const entries: EntryDraft[] = [{ kind: 'access.granted', details: { route: routeName(request) } }];
      return { ok: true, entries, result: await read(state, at, credential) };
    } catch (error) {
      if (error instanceof ApiError) return { ok: false, error };
      throw error;
    }
  });
  return result;
}

function refusalEntry(request: FastifyRequest, error: ApiError): EntryDraft {
  return { kind: 'access.refused', details: { code: error.code, route: routeName(request) } };
}

function complete(draft: EntryDraft, at: string, by: Known, first: boolean): AnyControlEntry {
  const { thumbprint, role } = by.credential;
  // One request, one piece of evidence: the entries that follow from it in the same step stand behind it.
  const evidence = first && by.proof ? { evidence: by.proof.text } : {};
  return { ...draft, at, actor: { credential: thumbprint, role }, ...evidence } as AnyControlEntry;
}

function asRecorded(error: ApiError): ApiError {
  return new ApiError(error.code, { problems: error.problems, codes: error.codes, recorded: true });
}
