import ipaddr from 'ipaddr.js';
import type { Target } from '#shared/orders';
import { asciiLower, splitAddress, subaddressDelimiter } from '#shared/traffic';

/*
 * Where to look for a target: the keys that it has in `traffic_index` (infra/clickhouse/migrations/
 * 0004_traffic_index.sql, which says what a key is). Every event that a target matches has one of its keys;
 * others may have it too, so that this only leaves out what cannot match. A property test holds it against
 * `targetMatches`.
 */

/** What is looked for in the index: the text that is hashed, or a range of IP addresses' keys. */
export type LookupKey =
  | { readonly text: string }
  /** Both inclusive, decimal digits of unsigned 64 bits. */
  | { readonly first: string; readonly last: string };

export function lookupKey(target: Target): LookupKey {
  switch (target.kind) {
    case 'ip':
      return range(target.value, null);
    case 'prefix': {
      const [network = '', bits] = target.value.split('/');
      return range(network, Number(bits));
    }
    case 'messageId':
      return { text: target.value };
    case 'domain':
      return { text: `@${target.value}` };
    case 'address':
    case 'user':
    case 'host': {
      const wanted = asciiLower(target.value);
      return { text: target.subaddresses === true ? withoutSubaddress(wanted) : wanted };
    }
  }
}

/** `alice@example.nl` of `alice+tag@example.nl`: the key that every subaddress of either has. */
function withoutSubaddress(address: string): string {
  const { local, domain } = splitAddress(address);
  return `${local.split(subaddressDelimiter, 1)[0]}@${domain}`;
}

/** @param bits length of a prefix, or null for one address */
function range(ip: string, bits: number | null): LookupKey {
  const bytes = ipaddr.parse(ip).toByteArray();
  // An IPv4 address is 32 bits of a key; of an IPv6 address the first 64 are.
  const used = bytes.slice(0, 8);
  const first = used.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const free = bits === null ? 0 : Math.max(used.length * 8 - bits, 0);
  return { first: String(first), last: String(first + (1n << BigInt(free)) - 1n) };
}

/** SQL of the key of a text, as the index has it. */
export function hashedKey(text: string): string {
  return `bitAnd(sipHash64(${text}), 1099511627775) + 1099511627776`;
}
