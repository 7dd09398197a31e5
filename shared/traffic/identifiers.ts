import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { trafficLimits as limits } from './limits.ts';

/*
 * Normal forms of identifiers. Adapters use them on what servers log, orders on what a person typed, so
 * that both sides of a comparison went through the same function.
 *
 * Rule of comparison (one sentence, in the store's SQL and in `shared/orders` alike): identifiers are
 * equal when their normal forms are equal after ASCII letters are lower-cased. ASCII only, because that is
 * the one case mapping on which the database and JavaScript agree byte for byte; other characters compare
 * exactly after NFC. RFC 5321 2.4 leaves a local part's case to its own server; hardly any uses it.
 */

const fits = (value: string, maxBytes: number): boolean =>
  value.length > 0 && value.length <= maxBytes && Buffer.byteLength(value, 'utf8') <= maxBytes;

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
const controls = /[\u0000-\u001f\u007f]/;

/** Lower-cases A–Z and nothing else, as ClickHouse `lower()` does. */
export function asciiLower(value: string): string {
  return /[A-Z]/.test(value) ? value.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : value;
}

/**
 * An IP address in one spelling: IPv4 dotted, IPv6 as RFC 5952, IPv4-mapped IPv6 as IPv4. Accepts a zone
 * (`%eth0`, dropped), brackets and Postfix's `IPv6:` prefix.
 * @returns null where the text is no IP address; shorthand and octal spellings are none.
 */
export function normalizeIp(text: string): string | null {
  let value = text;
  if (value.startsWith('[') && value.endsWith(']')) value = value.slice(1, -1);
  if (/^ipv6:/i.test(value)) value = value.slice(5);
  const zone = value.indexOf('%');
  if (zone > 0) value = value.slice(0, zone);
  const version = isIP(value);
  if (version === 4) return value;
  if (version !== 6) return null;
  // `::192.0.2.7` is an IPv6 address (RFC 4291, IPv4-compatible), which ipaddr.js takes for `::ffff:192.0.2.7`
  // where it is written with dots; written in hex it tells them apart.
  const inHex = value.includes('.') ? new URL(`http://[${value}]`).hostname.slice(1, -1) : value;
  const parsed = ipaddr.IPv6.parse(inHex);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

/** Labels in lower-case ASCII. Underscores are none by RFC 952, and are seen in real reverse DNS all the same. */
const normalHostName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/**
 * A host or domain name: A-labels (UTS 46), lower case, no trailing dot.
 * @returns null for what is no name, and for `unknown`, which servers log where they have none.
 */
export function normalizeHostName(text: string): string | null {
  if (text.length > 1024) return null;
  // Nearly every name in a log is in normal form already. Nothing is cached: a key cut from a line would
  // keep the line alive.
  const isNormal = text.length <= limits.hostNameBytes && normalHostName.test(text);
  const name = isNormal ? text : hostNameInNormalForm(text);
  return name === 'unknown' ? null : name;
}

function hostNameInNormalForm(text: string): string | null {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  const ascii = /^[\x21-\x7e]+$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
  return normalHostName.test(ascii) && fits(ascii, limits.hostNameBytes) ? ascii : null;
}

/**
 * An e-mail address: local part kept as written (NFC), domain in the form of `normalizeHostName`, or an
 * address literal `[192.0.2.1]`, `[IPv6:2001:db8::1]` with its IP in normal form. A bare local part, as
 * servers log it for local users, stays bare.
 * @returns null where there is no such address within bounds.
 */
export function normalizeAddress(text: string): string | null {
  if (!fits(text, limits.addressBytes * 2) || controls.test(text)) return null;
  const at = text.lastIndexOf('@');
  if (at === -1) return fits(text, limits.addressBytes) ? text.normalize('NFC') : null;
  const domain = normalizeAddressDomain(text.slice(at + 1));
  if (at === 0 || domain === null) return null;
  const address = `${text.slice(0, at).normalize('NFC')}@${domain}`;
  return fits(address, limits.addressBytes) ? address : null;
}

function normalizeAddressDomain(text: string): string | null {
  if (!text.startsWith('[')) return normalizeHostName(text);
  const ip = normalizeIp(text);
  if (ip === null) return null;
  return isIP(ip) === 6 ? `[IPv6:${ip}]` : `[${ip}]`;
}

/**
 * A user name of an authentication system: NFC, and where it looks like an address (`alice@example.nl`),
 * with the domain in normal form.
 */
export function normalizeUser(text: string): string | null {
  if (!fits(text, limits.userBytes) || controls.test(text)) return null;
  if (text.includes('@')) {
    const address = normalizeAddress(text);
    if (address !== null && fits(address, limits.userBytes)) return address;
  }
  return text.normalize('NFC');
}

/** A Message-ID as stored: without its angle brackets, and only as a hash where it is over the bound. */
export interface StoredMessageId {
  readonly messageId: string;
  readonly messageIdHashed?: true;
}

/**
 * A Message-ID (RFC 5322 3.6.4) without its angle brackets. One of over 255 bytes, or with control
 * characters, is replaced by `sha256:` and the hash of its bytes, because such ones were seen carrying
 * content; it can still be found by who knows it.
 */
export function normalizeMessageId(text: string): StoredMessageId | null {
  const bare = text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
  if (bare === '') return null;
  // Hashed already, by what kept the line for us.
  if (/^sha256:[0-9a-f]{64}$/.test(bare)) return { messageId: bare, messageIdHashed: true };
  if (fits(bare, limits.messageIdBytes) && !controls.test(bare)) return { messageId: bare };
  return {
    messageId: `sha256:${createHash('sha256').update(bare, 'utf8').digest('hex')}`,
    messageIdHashed: true,
  };
}

/** Local part and domain of an address in normal form; the domain is absent on a bare local part. */
export function splitAddress(address: string): { local: string; domain?: string } {
  const at = address.lastIndexOf('@');
  return at === -1 ? { local: address } : { local: address.slice(0, at), domain: address.slice(at + 1) };
}

/** Separates a subaddress (RFC 5233) from the local part it belongs to: `alice+tag`. */
export const subaddressDelimiter = '+';
