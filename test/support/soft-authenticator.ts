import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import {
  bodyDigest,
  keyId,
  type PublicJwk,
  passkeyRequestType,
  registrationChallenge,
  registrationMark,
  requestChallenge,
} from '#shared/signed-request';

/** What a test changes of what an honest browser and authenticator do. */
export interface Change {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  /** Authenticator data flags: 1 user present, 4 user verified, 0x40 attested credential data. */
  readonly flags?: number;
  readonly challenge?: Uint8Array;
  readonly crossOrigin?: boolean;
  readonly typ?: string;
  readonly alg?: string;
  /** Model that the authenticator says it is. */
  readonly aaguid?: string;
  readonly kid?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** A maker's key and certificate that vouch for the model. */
  readonly packed?: { readonly key: KeyObject; readonly certificate: Uint8Array };
  /** Of the assertion that proves possession at a registration. */
  readonly heldKey?: KeyObject;
  readonly heldChallenge?: Uint8Array;
}

/** A passkey in software, as an authenticator and a browser make them; the key is on P-256. */
export interface SoftPasskey {
  readonly publicJwk: PublicJwk;
  readonly kid: string;
  readonly id: string;
  /** Its proof of possession. */
  register(iat: number, change?: Change): string;
  /** A signed request. */
  request(
    call: {
      readonly method: string;
      readonly path: string;
      readonly nonce: string;
      readonly iat: number;
      readonly body?: Uint8Array;
    },
    change?: Change,
  ): string;
}

const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();
const b64 = (data: Uint8Array | string): string => Buffer.from(data).toString('base64url');

export async function makeSoftPasskey(audience: string, credentialId: string): Promise<SoftPasskey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const publicJwk: PublicJwk = { kty: 'EC', crv: 'P-256', x, y };
  const kid = await keyId(publicJwk);
  const id = sha256(x).subarray(0, 20);
  const { origin, hostname } = new URL(audience);

  const clientData = (type: string, challenge: Uint8Array, change: Change): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: change.type ?? type,
        challenge: b64(change.challenge ?? challenge),
        origin: change.origin ?? origin,
        crossOrigin: change.crossOrigin ?? false,
      }),
    );
  const authData = (flags: number, change: Change, more: Uint8Array = new Uint8Array()): Buffer =>
    Buffer.concat([
      sha256(change.rpId ?? hostname),
      Buffer.from([change.flags ?? flags]),
      Buffer.alloc(4),
      more,
    ]);

  return {
    publicJwk,
    kid,
    id: b64(id),
    register: (iat, change = {}) => {
      const claims = Buffer.from(JSON.stringify({ iss: credentialId, aud: audience, iat, ...change.claims }));
      const cose = isoCBOR.encode(coseOf(publicKey));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const model = Buffer.from(change.aaguid?.replaceAll('-', '') ?? '0'.repeat(32), 'hex');
      const attested = Buffer.concat([model, length, id, cose]);
      const authenticator = Uint8Array.from(authData(0x45, change, attested));
      const challenge = registrationChallenge(claims);
      const data = clientData('webauthn.create', challenge, change);
      const { packed } = change;
      const statement = new Map<string, number | Uint8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>[]>();
      if (packed) {
        const signed = Buffer.concat([authenticator, sha256(data)]);
        statement.set('alg', -7).set('sig', Uint8Array.from(sign('sha256', signed, packed.key)));
        statement.set('x5c', [Uint8Array.from(packed.certificate)]);
      }
      const object = isoCBOR.encode(
        new Map<string, string | typeof statement | Uint8Array<ArrayBuffer>>([
          ['fmt', packed ? 'packed' : 'none'],
          ['attStmt', statement],
          ['authData', authenticator],
        ]),
      );
      const held = authData(0x05, {});
      const heldData = clientData('webauthn.get', change.heldChallenge ?? challenge, {});
      const signature = sign('sha256', Buffer.concat([held, sha256(heldData)]), change.heldKey ?? privateKey);
      return [registrationMark, ...[claims, data, object, held, heldData, signature].map(b64)].join('.');
    },
    request: ({ method, path, nonce, iat, body = new Uint8Array() }, change = {}) => {
      const claims = Buffer.from(
        JSON.stringify({
          iss: credentialId,
          aud: audience,
          htm: method,
          htu: audience + path,
          iat,
          jti: nonce,
          bdh: bodyDigest(body),
          ...change.claims,
        }),
      );
      const header = {
        typ: change.typ ?? passkeyRequestType,
        alg: change.alg ?? 'ES256',
        kid: change.kid ?? kid,
      };
      const data = clientData(
        'webauthn.get',
        requestChallenge(Buffer.from(nonce, 'base64url'), claims),
        change,
      );
      const authenticator = authData(0x05, change);
      const signature = sign('sha256', Buffer.concat([authenticator, sha256(data)]), privateKey);
      return [JSON.stringify(header), claims, authenticator, data, signature].map(b64).join('.');
    },
  };
}

function coseOf(publicKey: KeyObject): Map<number, number | Uint8Array<ArrayBuffer>> {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'));
  return new Map<number, number | Uint8Array<ArrayBuffer>>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, bytes(x)],
    [-3, bytes(y)],
  ]);
}
