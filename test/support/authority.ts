import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
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
}

/** An authority of the tests' own. */
export interface Authority {
  /** DER. */
  readonly certificate: Uint8Array;
  /** A certificate of this key, DER. */
  certify(key: SigningKey, name: string, options?: CertificateOptions): Promise<Uint8Array>;
  /** An authority below this one. */
  below(name: string, options?: CertificateOptions): Promise<Authority>;
}

export const authorityExtensions = (pathLength?: number): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
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
      serialNumber: (serial++).toString(16).padStart(4, '0'),
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
