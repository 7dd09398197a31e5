import { labelSchema } from '#shared/control';
import { type CliError, unusable } from '../errors.ts';
import { parseServiceUrl } from '../service-url.ts';

/**
 * A key on a token as a PKCS #11 URI names it (RFC 7512), as far as it can be handed on to `pkcs11-tool`.
 * `id` is `CKA_ID` as hexadecimal. What Griffie needs besides are two attributes of its own.
 */
export interface TokenKey {
  readonly token: string;
  readonly object?: string;
  readonly id?: string;
  /** File with the PIN, of `pin-source`. */
  readonly pinFile?: string;
  /** Shared library of the token's vendor, of `module-path`. */
  readonly module?: string;
  readonly credentialId?: string;
  readonly service?: string;
}

/** Attributes that name nothing more than the others do, with the one value that they may have. */
const fixed: Readonly<Record<string, string>> = { type: 'private' };
const maxLength = 2048;

export const isTokenUri = (text: string): boolean => /^pkcs11:/i.test(text);

/**
 * Reads a PKCS #11 URI. An attribute that cannot be honoured is refused: without it another key might match.
 * @throws CliError `pkcs11.uri`
 */
export function parseTokenUri(text: string): TokenKey {
  if (!isTokenUri(text) || text.length > maxLength)
    throw wrong('it begins with pkcs11: and has 2,048 characters at most');
  const [path = '', query = '', ...rest] = text.slice('pkcs11:'.length).split('?');
  if (rest.length > 0) throw wrong('it has one question mark at most');
  const attributes = new Map([
    ...attributesOf(path, ';', pathNames),
    ...attributesOf(query, '&', queryNames),
  ]);
  const value = (name: string): string | undefined => attributes.get(name)?.toString('utf8');
  for (const [name, only] of Object.entries(fixed)) {
    if ((value(name) ?? only) !== only) throw wrong(`${name} can only be ${only}`);
  }
  const [token, object, id] = [value('token'), value('object'), attributes.get('id')?.toString('hex')];
  if (token === undefined || (object === undefined && id === undefined)) {
    throw wrong('name the token, and the key by object or id: pkcs11:token=card;object=signing');
  }
  const pinSource = value('pin-source');
  const credentialId = value('x-griffie-credential');
  const service = value('x-griffie-service');
  if (credentialId !== undefined && !labelSchema.safeParse(credentialId).success) {
    throw wrong('x-griffie-credential is the id of your credential');
  }
  if (service !== undefined && parseServiceUrl(service) === null) {
    throw wrong('x-griffie-service is the public URL of the service');
  }
  return defined({
    token,
    object,
    id,
    pinFile: pinSource === undefined ? undefined : fileOf(pinSource),
    module: value('module-path'),
    credentialId,
    service,
  });
}

/** The URI of a key that `parseTokenUri` gave, without what belongs to one command line. */
export function tokenUri({ token, object, id, pinFile, module }: TokenKey): string {
  const path = [
    `token=${encodeURIComponent(token)}`,
    ...(object === undefined ? [] : [`object=${encodeURIComponent(object)}`]),
    ...(id === undefined ? [] : [`id=${id.replaceAll(/../g, '%$&')}`]),
  ];
  const query = [
    ...(pinFile === undefined ? [] : [`pin-source=file:${encodeURIComponent(pinFile)}`]),
    ...(module === undefined ? [] : [`module-path=${encodeURIComponent(module)}`]),
  ];
  return `pkcs11:${path.join(';')}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

const pathNames: ReadonlySet<string> = new Set(['token', 'object', 'id', 'type']);
const queryNames: ReadonlySet<string> = new Set([
  'pin-source',
  'module-path',
  'x-griffie-credential',
  'x-griffie-service',
]);

function attributesOf(text: string, separator: string, known: ReadonlySet<string>): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const attribute of text === '' ? [] : text.split(separator)) {
    const at = attribute.indexOf('=');
    const name = attribute.slice(0, Math.max(at, 0));
    if (name === 'pin-value') {
      throw wrong(
        'a PIN on the command line is seen by others; use pin-source=file:…, GRIFFIE_PKCS11_PIN, or wait to be asked',
      );
    }
    if (!known.has(name)) throw wrong(`it may have ${[...known].join(', ')} here, and nothing else`);
    if (found.has(name)) throw wrong(`${name} is there twice`);
    found.set(name, percentDecoded(attribute.slice(at + 1)));
  }
  return found;
}

function percentDecoded(value: string): Buffer {
  if (!/^(?:[\w.~:@!$'()*+,=&/-]|%[0-9a-f]{2})+$/i.test(value))
    throw wrong('write other characters as % and two hexadecimal digits');
  const bytes: number[] = [];
  for (const [part] of value.matchAll(/%..|./g)) {
    bytes.push(part.startsWith('%') ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0));
  }
  return Buffer.from(bytes);
}

/** RFC 7512 allows a file URI or a plain path; `|command` is not taken. */
function fileOf(pinSource: string): string {
  const path = pinSource.replace(/^file:(?:\/\/(?=\/))?/, '');
  if (path.startsWith('|') || path === '') throw wrong('pin-source names a file');
  return path;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(members: T): Defined<Partial<T>> & Pick<TokenKey, 'token'> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

function wrong(rule: string): CliError {
  return unusable('pkcs11.uri', `the PKCS #11 URI cannot be used: ${rule}`);
}
