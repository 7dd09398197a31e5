import ipaddr from 'ipaddr.js';
import {
  asciiLower,
  normalizeAddress,
  normalizeHostName,
  normalizeIp,
  normalizeMessageId,
  normalizeUser,
  splitAddress,
  subaddressDelimiter,
  type TrafficEvent,
} from '#shared/traffic';

/** What an order may name. `domain` and `prefix` are broad: they reach people whom nobody named. */
export const targetKinds = ['address', 'user', 'ip', 'host', 'messageId', 'domain', 'prefix'] as const;
export type TargetKind = (typeof targetKinds)[number];
export const broadTargetKinds: ReadonlySet<TargetKind> = new Set(['domain', 'prefix']);

/** A target in normal form. Made only by `parseTarget`. */
export interface Target {
  readonly kind: TargetKind;
  readonly value: string;
  /** `address` only: also `local+anything@domain`. Off unless the order says so. */
  readonly subaddresses?: true;
}

type Field = keyof TrafficEvent;

/** Fields that each kind is looked for in. The store's query builder and `targetMatches` both read this. */
export const targetFields = {
  address: ['senderAddress', 'recipientAddress', 'recipientOriginalAddress', 'senderUser', 'recipientUser'],
  user: ['senderUser', 'recipientUser'],
  ip: ['senderIp', 'originHostIp', 'deliveryHostIp', 'clientIp', 'proxyIp'],
  host: ['originHostName', 'deliveryHostName'],
  messageId: ['messageId'],
  domain: ['senderAddress', 'recipientAddress', 'recipientOriginalAddress', 'senderUser', 'recipientUser'],
  prefix: ['senderIp', 'originHostIp', 'deliveryHostIp', 'clientIp', 'proxyIp'],
} as const satisfies Record<TargetKind, readonly Field[]>;

/** Shortest prefixes that an order may name: a /16 or a /32 is what one registry hands to one provider. */
const shortestPrefix = { 4: 16, 6: 32 } as const;

export type TargetResult =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly reason: string };

/** Parses what a person wrote in an order. The reason is for that person and repeats nothing of the value. */
export function parseTarget(kind: TargetKind, value: string, subaddresses = false): TargetResult {
  const refuse = (reason: string): TargetResult => ({ ok: false, reason });
  if (subaddresses && kind !== 'address') return refuse('subaddresses apply to targets of kind address only');
  const accept = (normal: string | null, reason: string): TargetResult =>
    normal === null
      ? refuse(reason)
      : { ok: true, target: { kind, value: normal, ...(subaddresses ? { subaddresses: true } : {}) } };
  switch (kind) {
    case 'address': {
      const address = /[*?%]/.test(splitAddress(value).domain ?? '') ? null : normalizeAddress(value);
      const complete = address !== null && splitAddress(address).domain !== undefined;
      return accept(complete ? address : null, 'is no e-mail address; write local-part@domain');
    }
    case 'user':
      return accept(normalizeUser(value), 'is no user name; 1 to 255 bytes without control characters');
    case 'ip':
      return accept(normalizeIp(value), 'is no IPv4 or IPv6 address');
    case 'host':
      return accept(normalizeHostName(value), 'is no host name');
    case 'messageId':
      return accept(normalizeMessageId(value)?.messageId ?? null, 'is no Message-ID');
    case 'domain': {
      const domain = normalizeHostName(value);
      return accept(domain?.includes('.') ? domain : null, 'is no domain; write it with its top level');
    }
    case 'prefix':
      return parsePrefix(value);
  }
}

function parsePrefix(value: string): TargetResult {
  const [network, length, ...rest] = value.split('/');
  const ip = network === undefined ? null : normalizeIp(network);
  const bits = length !== undefined && /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (ip === null || rest.length > 0) return { ok: false, reason: 'is no prefix; write address/length' };
  const version = ip.includes(':') ? 6 : 4;
  if (bits < shortestPrefix[version] || bits > (version === 4 ? 32 : 128)) {
    return {
      ok: false,
      reason: `needs a length from ${shortestPrefix[version]} to ${version === 4 ? 32 : 128}`,
    };
  }
  const start =
    version === 4
      ? ipaddr.IPv4.networkAddressFromCIDR(`${ip}/${bits}`)
      : ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${bits}`);
  const normal = version === 4 ? start.toString() : (normalizeIp(start.toString()) ?? start.toString());
  return { ok: true, target: { kind: 'prefix', value: `${normal}/${bits}` } };
}

/** Whether one field's value is what the target names. Both are in normal form. */
function valueMatches(target: Target, value: string): boolean {
  switch (target.kind) {
    case 'ip':
    case 'messageId':
      return value === target.value;
    case 'prefix':
      return inPrefix(target.value, value);
    case 'domain':
      return asciiLower(splitAddress(value).domain ?? '') === target.value;
    case 'address': {
      const wanted = asciiLower(target.value);
      const found = asciiLower(value);
      if (found === wanted) return true;
      if (target.subaddresses !== true) return false;
      const { local, domain } = splitAddress(wanted);
      return found.startsWith(`${local}${subaddressDelimiter}`) && found.endsWith(`@${domain}`);
    }
    default:
      return asciiLower(value) === asciiLower(target.value);
  }
}

function inPrefix(prefix: string, value: string): boolean {
  const ip = ipaddr.parse(value);
  const [range, bits] = ipaddr.parseCIDR(prefix);
  return ip.kind() === range.kind() && ip.match(range, bits);
}

/** Whether the event is about the target: one of the kind's fields has the target's value. */
export function targetMatches(target: Target, event: Partial<TrafficEvent>): boolean {
  return targetFields[target.kind].some((field) => {
    const value = event[field];
    return value !== undefined && valueMatches(target, value);
  });
}
