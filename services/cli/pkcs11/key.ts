import { constants, createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { type SignatureAlgorithm, type SignerKey, validatePublicJwk } from '#shared/signed-request';
import { CliError, refused, unusable } from '../errors.ts';
import { readBounded } from '../files.ts';
import type { CliIo } from '../io.ts';
import { runTool } from './tool.ts';
import type { TokenKey } from './uri.ts';

type TokenIo = Pick<CliIo, 'env' | 'askSecret'>;

/** How the token is asked to sign a digest, by algorithm of RFC 7518; what is no row cannot be signed with. */
const mechanisms: Partial<
  Readonly<Record<SignatureAlgorithm, { readonly hash: string; readonly args: readonly string[] }>>
> = {
  ES256: { hash: 'sha256', args: ['--mechanism', 'ECDSA', '--signature-format', 'rs'] },
  PS256: {
    hash: 'sha256',
    args: [
      '--mechanism',
      'RSA-PKCS-PSS',
      '--hash-algorithm',
      'SHA256',
      '--mgf',
      'MGF1-SHA256',
      '--salt-len',
      '32',
    ],
  },
};

/**
 * A key on a token as one that signs requests. The PIN is asked for once, and only when something is signed.
 * @returns also the key's URI attributes with its id, by which the token is asked from now on
 * @throws CliError
 */
export async function openTokenKey(
  io: TokenIo,
  given: TokenKey,
): Promise<{ readonly key: SignerKey; readonly found: TokenKey }> {
  const found = given.id === undefined ? { ...given, id: await idOf(io, given) } : given;
  const publicKey = await readPublicKey(io, found);
  const { kty, crv, x, y, n, e } = publicKey.export({ format: 'jwk' });
  const alg = kty === 'RSA' ? 'PS256' : 'ES256';
  const jwk = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
  const valid = await validatePublicJwk(jwk, alg);
  if (!valid.ok) {
    throw unusable(
      'pkcs11.key',
      'the key is none that can be used: take one on P-256, or RSA of 2048 to 4096 bits',
    );
  }
  let pin: Promise<string> | undefined;
  const sign = async (bytes: Uint8Array): Promise<Uint8Array> => {
    pin ??= readPin(io, found);
    return signOnToken(io, found, { bytes, alg, publicKey, pin: await pin });
  };
  return { key: { alg, kid: valid.kid, publicJwk: valid.jwk, privateKey: sign }, found };
}

/**
 * `pkcs11-tool` chooses a key by its id alone, so that the id is looked up by the label. Two keys of one
 * label are refused.
 */
async function idOf(io: TokenIo, key: TokenKey): Promise<string> {
  const ids = new Set<string>();
  for (const type of ['pubkey', 'cert']) {
    const listed = await runTool(io, { key, args: ['--list-objects', '--type', type] });
    for (const object of listed.toString('utf8').split(/^(?=\S)/m)) {
      const label = /^ {2}label: +(.*)$/m.exec(object)?.[1];
      const id = /^ {2}ID: +([0-9a-f]+)$/m.exec(object)?.[1];
      if (label === key.object && id !== undefined) ids.add(id);
    }
  }
  const [id, ...others] = ids;
  if (id === undefined) {
    throw refused('pkcs11.object', 'the token has no such key; look with pkcs11-tool --list-objects');
  }
  if (others.length > 0) throw refused('pkcs11.object', 'several keys have this label; name one by id=');
  return id;
}

/** From the public key object, or from the certificate where the token has only that. */
async function readPublicKey(io: TokenIo, key: TokenKey): Promise<KeyObject> {
  const read = (type: string): Promise<Buffer> =>
    runTool(io, { key, args: ['--read-object', '--type', type, '--id', key.id ?? ''] });
  try {
    const der = await read('pubkey').catch(() => null);
    if (der !== null) return createPublicKey({ key: der, format: 'der', type: 'spki' });
    return new X509Certificate(await read('cert')).publicKey;
  } catch (error) {
    if (error instanceof CliError && error.code !== 'pkcs11.object') throw error;
    throw refused(
      'pkcs11.object',
      'the token has no such key, or none whose public half can be read; take one on P-256, or RSA',
    );
  }
}

async function readPin({ env, askSecret }: TokenIo, { pinFile, token }: TokenKey): Promise<string> {
  if (pinFile !== undefined) return (await readBounded(pinFile, 256)).toString('utf8').replace(/\r?\n$/, '');
  const fromEnvironment = env.GRIFFIE_PKCS11_PIN;
  if (fromEnvironment !== undefined) return fromEnvironment;
  const asked = await askSecret?.(`PIN of ${token}: `);
  if (asked === undefined || asked === '') {
    throw unusable(
      'pkcs11.pin_missing',
      'no PIN: give pin-source=file:… or GRIFFIE_PKCS11_PIN, or run in a terminal',
    );
  }
  return asked;
}

/** What leaves is verified with the enrolled key first: a token may hold several, and drivers err. */
async function signOnToken(
  io: TokenIo,
  key: TokenKey,
  {
    bytes,
    alg,
    publicKey,
    pin,
  }: { bytes: Uint8Array; alg: SignatureAlgorithm; publicKey: KeyObject; pin: string },
): Promise<Uint8Array> {
  const mechanism = mechanisms[alg];
  if (!mechanism) throw unusable('pkcs11.key', `a token cannot sign by ${alg} here`);
  const input = createHash(mechanism.hash).update(bytes).digest();
  const args = ['--sign', ...mechanism.args, '--id', key.id ?? ''];
  const signature = await runTool(io, { key, args, input, pin });
  const isRsa = alg === 'PS256';
  const verifier = isRsa
    ? { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    : { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
  if (!verify(mechanism.hash, bytes, verifier, signature)) {
    throw refused(
      'pkcs11.signature',
      'the token gave a signature that is not of this key; name the key by id=',
    );
  }
  return signature;
}
