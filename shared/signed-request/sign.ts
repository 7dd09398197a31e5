import { randomBytes } from 'node:crypto';
import type { SignatureAlgorithm } from './algorithms.ts';
import { signCompact } from './compact.ts';
import type { PrivateKey, SignBytes, SignerKey } from './keys.ts';
import { bodyDigest, canonicalUrl, proofClaimsSchema, proofHeader, proofType } from './proof.ts';

export interface RequestToSign {
  readonly privateKey: PrivateKey | SignBytes;
  readonly alg: SignatureAlgorithm;
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly credentialId: string;
  /** The service's configured public URL. */
  readonly audience: string;
  readonly method: string;
  /** Absolute URL. A fragment is dropped, since it is never sent. */
  readonly url: string;
  /** Exact bytes; none is `new Uint8Array()`. */
  readonly body: Uint8Array;
  readonly nowSeconds: number;
  /** Default: 128 random bits. */
  readonly jti?: string;
}

/**
 * Signs a request: the value of its `Griffie-Proof` header.
 * @throws Error where the claims are out of their bounds (see `proofClaimsSchema`).
 */
export async function signRequest(request: RequestToSign): Promise<string> {
  const url = new URL(request.url);
  url.hash = '';
  const htu = canonicalUrl(url.href);
  if (htu === null) throw new Error('the URL cannot be signed: http or https, no password, 2,048 characters');
  const claims = proofClaimsSchema.parse({
    iss: request.credentialId,
    aud: request.audience,
    htm: request.method.toUpperCase(),
    htu,
    iat: request.nowSeconds,
    jti: request.jti ?? randomBytes(16).toString('base64url'),
    bdh: bodyDigest(request.body),
  });
  const header = { typ: proofType, alg: request.alg, kid: request.kid };
  return signCompact(Buffer.from(JSON.stringify(claims)), header, request.privateKey);
}

/**
 * Headers of a request to the service with a JSON body or none, signed by a credential.
 * @param request.service its public URL without a trailing slash; what is signed is for that one, wherever it is sent
 * @param request.path begins with a slash
 * @param request.now milliseconds since the epoch
 */
export async function signedHeaders(
  { credentialId, key }: { readonly credentialId: string; readonly key: SignerKey },
  request: Pick<RequestToSign, 'method' | 'body' | 'jti'> & {
    readonly service: string;
    readonly path: string;
    readonly now: number;
  },
): Promise<Record<string, string>> {
  const { service, path, now, ...rest } = request;
  const proof = await signRequest({
    ...rest,
    privateKey: key.privateKey,
    alg: key.alg,
    kid: key.kid,
    credentialId,
    audience: service,
    url: service + path,
    nowSeconds: Math.floor(now / 1000),
  });
  return { ...jsonHeaders(request.body), [proofHeader]: proof };
}

/** Of a request with a JSON body, or with none. */
export const jsonHeaders = (body: Uint8Array): Record<string, string> =>
  body.length > 0 ? { 'content-type': 'application/json' } : {};
