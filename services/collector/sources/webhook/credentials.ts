import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SourceError } from '../source.ts';
import { webhookLimits } from './limits.ts';

/**
 * How a sender shows that it may send:
 * - `bearer`: `Authorization: Bearer <secret>` (RFC 6750);
 * - `basic`: `Authorization: Basic` (RFC 7617); the secret is `user:password`, as it stands in Dovecot's URL;
 * - `hmac`: `X-Signature: base64(HMAC-SHA256(secret, body))`, as Stalwart signs its webhooks.
 */
export interface SecretFile {
  readonly scheme: 'bearer' | 'basic' | 'hmac';
  /** Path; a line break at its end is not part of the secret. */
  readonly file: string;
}

export interface RequestCredentials {
  readonly authorization: string | undefined;
  readonly signature: string | undefined;
}

/** The secrets of one source. Any one of them suffices, so that a new one can be laid beside the old. */
export class Credentials {
  /** SHA-256 of each whole value, by scheme: all are of one length, whatever was sent. */
  readonly #tokens: Readonly<Record<'bearer' | 'basic', readonly Buffer[]>>;
  readonly #hmacKeys: readonly Buffer[];

  private constructor(secrets: readonly { scheme: SecretFile['scheme']; secret: Buffer }[]) {
    const of = (wanted: SecretFile['scheme']): Buffer[] =>
      secrets.flatMap(({ scheme, secret }) => (scheme === wanted ? [secret] : []));
    this.#tokens = { bearer: of('bearer').map(digest), basic: of('basic').map(digest) };
    this.#hmacKeys = of('hmac');
  }

  /** @throws SourceError `SOURCE_SECRET_UNUSABLE` where a file cannot be read or holds no fit secret. */
  static async read(files: readonly SecretFile[]): Promise<Credentials> {
    return new Credentials(
      await Promise.all(
        files.map(async ({ scheme, file }) => ({ scheme, secret: await read(scheme, file) })),
      ),
    );
  }

  /** Judges the headers: `signature` where it is the body's signature that decides. */
  check({ authorization, signature }: RequestCredentials): 'allowed' | 'signature' | 'refused' {
    const [, scheme = '', value = ''] =
      /^(bearer|basic) {1,4}([\w.~+/-]{1,4096}={0,2})$/i.exec(authorization ?? '') ?? [];
    const kind = scheme.toLowerCase();
    if (kind === 'bearer' || kind === 'basic') {
      const secret = kind === 'basic' ? Buffer.from(value, 'base64') : Buffer.from(value);
      return isOneOf(digest(secret), this.#tokens[kind]) ? 'allowed' : 'refused';
    }
    const signed = this.#hmacKeys.length > 0 && /^[A-Za-z0-9+/]{43}=$/.test(signature ?? '');
    return signed ? 'signature' : 'refused';
  }

  /** Whether the signature is over exactly these bytes, under one of the keys. */
  verify(body: Uint8Array, signature: string): boolean {
    const given = Buffer.from(signature, 'base64');
    return isOneOf(
      given,
      this.#hmacKeys.map((key) => createHmac('sha256', key).update(body).digest()),
    );
  }
}

const digest = (value: Buffer): Buffer => hash('sha256', value, 'buffer');

/** Looks at every one, so that the time taken says nothing of which one it was. */
function isOneOf(value: Buffer, known: readonly Buffer[]): boolean {
  let found = false;
  for (const each of known) {
    if (each.length === value.length && timingSafeEqual(each, value)) found = true;
  }
  return found;
}

async function read(scheme: SecretFile['scheme'], file: string): Promise<Buffer> {
  const unusable = (why: string): SourceError =>
    new SourceError('SOURCE_SECRET_UNUSABLE', `the secret file ${file} ${why}`);
  const bytes = await readFile(file).catch(() => {
    throw unusable('cannot be read');
  });
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  const secret = bytes.subarray(0, end);
  // RFC 6750, b64token: anything else could never be sent.
  if (scheme === 'bearer' && !/^[\w.~+/-]+=*$/.test(secret.toString('latin1'))) {
    throw unusable('must hold a token of letters, digits and -._~+/');
  }
  const colon = scheme === 'basic' ? secret.indexOf(':') : 0;
  if (colon === -1) throw unusable('must hold user:password');
  const secretBytes = scheme === 'basic' ? secret.length - colon - 1 : secret.length;
  if (secretBytes < webhookLimits.secretBytes) {
    throw unusable(`must hold a secret of at least ${webhookLimits.secretBytes} bytes`);
  }
  return secret;
}
