import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { derNatural } from '#shared/der';
import type { SigningKey } from '#shared/signed-request';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const sha256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** The library, loaded after what it needs. */
export { x509 };

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Default: the year of the tests' clock, and more. */
const testYears: Validity = {
  notBefore: new Date('2096-01-01T00:00:00Z'),
  notAfter: new Date('2098-01-01T00:00:00Z'),
};

export interface CertificateOptions {
  readonly validity?: Validity;
  /** Default: what an authority or a signer has. */
  readonly extensions?: readonly x509.Extension[];
  readonly hash?: string;
  /** Serial number, hexadecimal; default: one of its own. */
  readonly serial?: string;
}

/** Default: the first list, empty, of a week from the start of the tests' clock on. */
export interface ListOptions {
  readonly number?: number;
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly revoked?: readonly {
    readonly certificate: Uint8Array;
    readonly at?: Date;
    readonly reason?: x509.X509CrlReason;
    readonly extensions?: readonly x509.Extension[];
  }[];
  /** Besides the number. */
  readonly extensions?: readonly x509.Extension[];
  readonly withoutNumber?: boolean;
  /** Name that it says it is by. */
  readonly issuer?: string;
  readonly hash?: string;
}

/** An authority of the tests' own. */
export interface Authority {
  /** DER. */
  readonly certificate: Uint8Array;
  /** A certificate of this key, DER. */
  certify(key: SigningKey, name: string, options?: CertificateOptions): Promise<Uint8Array>;
  /** An authority below this one. */
  below(name: string, options?: CertificateOptions): Promise<Authority>;
  /** A revocation list, DER. */
  list(options?: ListOptions): Promise<Uint8Array>;
}

export const authorityExtensions = (pathLength?: number): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];
export const signerExtensions = (): x509.Extension[] => [
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
];

let serial = 1;

export async function makeAuthority(name: string, options: CertificateOptions = {}): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return authority(name, keys, await issue(name, name, keys.publicKey, keys, authorityExtensions(), options));
}

function authority(name: string, keys: webcrypto.CryptoKeyPair, certificate: Uint8Array): Authority {
  return {
    certificate,
    certify: async (key, subject, options = {}) => {
      const usage = { ES256: algorithm, EdDSA: { name: 'Ed25519' } }[String(key.alg)];
      if (!usage) throw new TypeError('no such key here');
      const publicKey = await webcrypto.subtle.importKey('jwk', { ...key.publicJwk }, usage, true, [
        'verify',
      ]);
      return issue(subject, name, publicKey, keys, signerExtensions(), options);
    },
    list: (options = {}) => makeList(name, keys, options),
    below: async (subject, options = {}) => {
      const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      return authority(
        subject,
        own,
        await issue(subject, name, own.publicKey, keys, authorityExtensions(), options),
      );
    },
  };
}

async function issue(
  subject: string,
  issuer: string,
  publicKey: webcrypto.CryptoKey,
  keys: webcrypto.CryptoKeyPair,
  extensions: x509.Extension[],
  options: CertificateOptions,
): Promise<Uint8Array> {
  const made = await x509.X509CertificateGenerator.create(
    {
      serialNumber: options.serial ?? (serial++).toString(16).padStart(4, '0'),
      subject: `CN=${subject}`,
      issuer: `CN=${issuer}`,
      ...(options.validity ?? testYears),
      signingAlgorithm: { ...sha256, hash: options.hash ?? sha256.hash },
      publicKey,
      signingKey: keys.privateKey,
      extensions: [...(options.extensions ?? extensions)],
    },
    webcrypto as unknown as Parameters<typeof x509.X509CertificateGenerator.create>[1],
  );
  return new Uint8Array(made.rawData);
}

const week = 7 * 86_400_000;
/** Before the tests' clock, which starts at nine. */
const listStart = Date.parse('2096-11-20T08:00:00Z');

async function makeList(
  name: string,
  keys: webcrypto.CryptoKeyPair,
  options: ListOptions,
): Promise<Uint8Array> {
  const { number = 1, thisUpdate = new Date(listStart), revoked = [], extensions = [] } = options;
  const made = await x509.X509CrlGenerator.create(
    {
      issuer: `CN=${options.issuer ?? name}`,
      thisUpdate,
      nextUpdate: options.nextUpdate ?? new Date(thisUpdate.getTime() + week),
      entries: revoked.map(({ certificate, at, reason, extensions: more }) => ({
        serialNumber: new x509.X509Certificate(Uint8Array.from(certificate)).serialNumber,
        revocationDate: at ?? thisUpdate,
        // Without any the library writes an empty list of extensions, which RFC 5280 does not allow.
        reason: reason ?? x509.X509CrlReason.superseded,
        ...(more ? { extensions: [...more] } : {}),
      })),
      signingAlgorithm: { ...sha256, hash: options.hash ?? sha256.hash },
      signingKey: keys.privateKey,
      extensions: [...(options.withoutNumber ? [] : [numberExtension('2.5.29.20', number)]), ...extensions],
    },
    webcrypto as unknown as Parameters<typeof x509.X509CrlGenerator.create>[1],
  );
  return new Uint8Array(made.rawData);
}

/** An extension whose value is a whole number below 2^23: that of a list, or of what a list of changes is on. */
export const numberExtension = (oid: string, number: number, critical = false): x509.Extension =>
  new x509.Extension(
    oid,
    critical,
    derNatural(Uint8Array.of(number >>> 16, (number >>> 8) & 0xff, number & 0xff)),
  );
