import { parseStrictJson } from '#shared/runtime';
import {
  bodyDigest,
  type CompactJws,
  type ProofClaims,
  parseProof,
  proofClaimsSchema,
  proofTiming,
} from '#shared/signed-request';
import type { AnyControlEntry } from './entry.ts';
import { isOrderEntry } from './fold-order.ts';
import { orderBodies } from './order-bodies.ts';
import { matchPath, routeNamed, routeOfKind, type SignedRoute } from './routes.ts';
import type { ControlState, Credential } from './state.ts';

/** The signed request of an entry, fitting the entry in all but the signature, which is verified apart. */
export interface RecordedRequest {
  readonly credential: Credential;
  readonly jws: CompactJws;
  readonly claims: ProofClaims;
  readonly route: SignedRoute;
  /** Whether this version knows the route's rules. */
  readonly routeKnown: boolean;
  /** Parameters of the route in the URL that was signed. */
  readonly params: Readonly<Record<string, string>>;
  /** Whether the body that was signed follows from the entry; `elsewhere`: it is in a case file, or nowhere. */
  readonly body: 'as_signed' | 'elsewhere';
}

export type EvidenceCheck =
  | { readonly ok: true; readonly request: RecordedRequest | null }
  /** Ends the sentence "Entry 7 …". */
  | { readonly ok: false; readonly fault: string };

/** The ledger's start and, before there was dual control, the first administrator have no signer. */
const bootstrapEntries = 2;

/**
 * Whether an entry carries the signed request that it needs, and whether that request is for what the entry
 * says: its actor's key and algorithm, this service, method and URL, time, and the body as far as the entry
 * tells it. Asked before the entry is folded. The signature itself is for the caller.
 */
export function checkEvidence(state: ControlState, entry: AnyControlEntry): EvidenceCheck {
  const { evidence, actor, kind } = entry;
  const fail = (fault: string): EvidenceCheck => ({ ok: false, fault });
  if (evidence === undefined) {
    // A refusal goes without, where the request's URL or body might have named somebody.
    const byPerson = 'credential' in actor && kind !== 'access.refused';
    // Of administrators made on the server's console the rules of the fold say when that could be.
    const isOldForm = kind === 'credential.enrolled' && entry.details.possession === undefined;
    const needed = byPerson || (isOldForm && state.size >= bootstrapEntries);
    return needed ? fail('carries no signed request of its actor') : { ok: true, request: null };
  }
  const credential = 'credential' in actor ? state.credentials.get(actor.credential) : undefined;
  if (!credential) return fail('carries a signed request, and its actor is not enrolled');
  const parsed = parseProof(evidence);
  if (!parsed.ok) return fail('carries something else than a signed request');
  const { jws, kid, alg } = parsed.proof;
  if (kid !== credential.thumbprint || alg !== credential.algorithm) {
    return fail("carries a request that its actor's key did not sign");
  }
  const payload = parseStrictJson(jws.payload);
  const claims = proofClaimsSchema.safeParse(payload.ok ? payload.value : undefined).data;
  if (!claims) return fail('carries a signed request without the claims of one');
  if (claims.iss !== credential.credentialId) return fail("carries another credential's request");
  const audience = state.configuration?.audience ?? '';
  if (claims.aud !== audience) return fail('carries a request to another service');

  const named = 'route' in entry.details ? routeNamed(entry.details.route) : null;
  const route = named?.route ?? routeOfKind(kind);
  const params = route && pathParams(audience, claims, route);
  if (!route || !params || !isAboutSubject(entry, params)) {
    return fail('carries a request for something else than it says');
  }
  const fault = timeFault(entry, claims);
  if (fault !== null) return fail(fault);
  const body = checkBody(entry, claims, route);
  if (body === 'altered') return fail('carries a request whose body was another one');
  return {
    ok: true,
    request: { credential, jws, claims, route, routeKnown: named?.known ?? true, params, body },
  };
}

function pathParams(
  audience: string,
  { htm, htu }: ProofClaims,
  { method, path }: SignedRoute,
): Readonly<Record<string, string>> | null {
  return htm === method && htu.startsWith(audience) ? matchPath(path, htu.slice(audience.length)) : null;
}

/** What changes an order, a credential or a disclosure names it in its URL, and in the entry the same one. */
function isAboutSubject(entry: AnyControlEntry, params: Readonly<Record<string, string>>): boolean {
  if (entry.kind === 'access.granted' || entry.kind === 'access.refused') return true;
  const [inUrl] = Object.values(params);
  return inUrl === undefined || inUrl === entry.subject;
}

/** A refusal may come late, and be about that; nothing else is done on a request that is stale or too early. */
function timeFault({ kind, at }: AnyControlEntry, { iat }: ProofClaims): string | null {
  const { lifetimeSeconds, skewSeconds } = proofTiming;
  const seconds = Math.floor(Date.parse(at) / 1000);
  if (seconds < iat - skewSeconds) return 'carries a request that was signed after it';
  if (kind !== 'access.refused' && seconds > iat + lifetimeSeconds + skewSeconds) {
    return 'carries a request that had expired';
  }
  return null;
}

/**
 * Compares the digest of the body that was signed with the bodies that the entry allows. Where those are
 * JSON, they are tried in the one spelling that Griffie's own clients send; another spelling of the same
 * cannot be told from another body.
 */
function checkBody(
  entry: AnyControlEntry,
  { bdh }: ProofClaims,
  route: SignedRoute,
): RecordedRequest['body'] | 'altered' {
  const isNone = bdh === bodyDigest(new Uint8Array());
  // A refusal may be about just the body; what a reading was for changes nothing.
  if (entry.kind === 'access.refused') return 'elsewhere';
  if (route.method === 'GET' || entry.kind === 'disclosure.cancelled') {
    return isNone ? 'as_signed' : 'altered';
  }
  if (entry.kind === 'access.granted') return 'elsewhere';
  if (isNone) return isApprovalOfFirst(entry) ? 'as_signed' : 'altered';
  const bodies = isOrderEntry(entry) ? orderBodies(entry) : [bodyOf(entry)];
  const isOne = (body: object | null): boolean =>
    body !== null && bdh === bodyDigest(Buffer.from(JSON.stringify(body)));
  return bodies.some(isOne) ? 'as_signed' : 'elsewhere';
}

/** The one change that may go without a body: there was nothing else that it could be about. */
const isApprovalOfFirst = ({ kind, details }: AnyControlEntry): boolean =>
  kind === 'order.approved' && details.version === 1 && details.estimate === undefined;

function bodyOf(entry: AnyControlEntry): object | null {
  switch (entry.kind) {
    case 'credential.enrolled': {
      const { credentialId, personId, role, algorithm, publicKey, notBefore, notAfter } = entry.details;
      const { possession, certificate } = entry.details;
      const body = { credentialId, personId, role, algorithm, publicKey, notBefore, notAfter };
      return {
        ...body,
        ...(possession === undefined ? {} : { possession }),
        ...(certificate === undefined ? {} : { chainSha256: certificate.chainSha256 }),
      };
    }
    case 'credential.confirmed': {
      const { personId, role } = entry.details;
      return { personId, role };
    }
    case 'credential.rotated': {
      const { credentialId, algorithm, publicKey, possession } = entry.details;
      return { credentialId, algorithm, publicKey, possession };
    }
    case 'credential.revoked':
    case 'case.erased':
      return { reason: entry.details.reason };
    case 'retention.configured':
    case 'retention.overdue':
    case 'retention.reconciled':
    case 'hold.lifted':
    case 'hold.copied':
    case 'hold.ended':
    case 'hold.deleted':
    case 'disk_key.created':
    case 'disk_key.retired':
    case 'disk_key.destroyed':
      return entry.details;
    case 'hold.extended':
      return { reason: entry.details.reason };
    case 'retention.started':
    case 'retention.certified':
      return { runId: entry.subject, ...entry.details };
    default:
      return null;
  }
}
