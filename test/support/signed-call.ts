import { type SigningKey, signRequest } from '#shared/signed-request';

/** Somebody who signs, enrolled or not. */
export interface Signer {
  readonly key: SigningKey;
  readonly credentialId: string;
}

/** What is signed: path and query under the service's public URL, and the exact bytes of the body. */
export interface SignedCall {
  readonly method: string;
  readonly path: string;
  readonly body?: Uint8Array | undefined;
  /** Default: random. */
  readonly jti?: string | undefined;
}

/**
 * The `Griffie-Proof` of a request to a service.
 * @param now milliseconds since the epoch
 */
export function signCall(
  { key: { privateKey, alg, kid }, credentialId }: Signer,
  service: string,
  { method, path, body = new Uint8Array(), jti }: SignedCall,
  now: number,
): Promise<string> {
  return signRequest({
    ...{ privateKey, alg, kid, credentialId, audience: service, method, url: service + path, body },
    nowSeconds: Math.floor(now / 1000),
    ...(jti === undefined ? {} : { jti }),
  });
}
