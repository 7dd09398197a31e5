import { normalizeIp } from '#shared/traffic';
import { hostNameOf } from './normal-forms.ts';

/*
 * The pieces that Postfix's lines are made of, read so that text chosen by a client, a remote server or a
 * sender cannot pass for text of Postfix's own.
 */

/** A client or relay as Postfix prints it: `name[address]` or `name[address]:port`. */
export interface Peer {
  /** Absent for `unknown`, and where the name is no host name. */
  readonly name?: string;
  /** Absent for `unknown`. */
  readonly ip?: string;
  readonly port?: number;
  /** The brackets hold a path: a socket on this host. */
  readonly socket?: true;
}

/**
 * The end of an address in angle brackets, given where it begins after `<`: the index of its `>`.
 *
 * Since Postfix 3.5 addresses are logged in external form (info_log_address_format), where a local part
 * with a bracket or a space stands in quotes. So quotes are skipped as RFC 5321 4.1.2 writes them, and
 * outside of them the first `>` ends the address.
 * @returns -1 where there is no end.
 */
export function addressEnd(text: string, start: number): number {
  if (text.charCodeAt(start) !== 0x22) return text.indexOf('>', start);
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return text.indexOf('>', at);
  }
  return -1;
}

/** Whether what stands between `start` and `end` is one address in external form. */
export function isAddressSpan(text: string, start: number, end: number): boolean {
  if (addressEnd(text, start) !== end) return false;
  if (text.charCodeAt(start) === 0x22) return true;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22 || code === 0x3c || code === 0x20) return false;
  }
  return true;
}

/**
 * The index after `name[address]` with its optional `:port`, where one begins at `start`. Names and
 * addresses hold no blank, comma or bracket.
 * @returns -1 where there is none.
 */
export function peerEnd(text: string, start: number): number {
  const open = text.indexOf('[', start);
  if (open === -1) return -1;
  for (let at = start; at < open; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x2c) return -1;
  }
  const close = text.indexOf(']', open);
  if (close === -1) return -1;
  let end = close + 1;
  if (text.charCodeAt(end) === 0x3a && isDigit(text.charCodeAt(end + 1))) {
    for (end++; isDigit(text.charCodeAt(end)); end++);
  }
  return end;
}

/** Reads `name[address]` or `name[address]:port`, the whole of `text`. */
export function parsePeer(text: string): Peer | null {
  const open = text.indexOf('[');
  const close = text.indexOf(']', open);
  if (open === -1 || close === -1) return null;
  const inside = text.slice(open + 1, close);
  if (inside.includes('/')) return { socket: true };
  const peer: { -readonly [Field in keyof Peer]: Peer[Field] } = {};
  const name = hostNameOf(text.slice(0, open));
  // smtp(8) repeats the address where a host has no name.
  if (name !== null && !(isDigit(name.charCodeAt(name.length - 1)) && normalizeIp(name) !== null)) {
    peer.name = name;
  }
  const ip = normalizeIp(inside);
  if (ip !== null) peer.ip = ip;
  const port = close + 1 < text.length ? Number(text.slice(close + 2)) : Number.NaN;
  if (port >= 1 && port <= 65_535) peer.port = port;
  return peer;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** An enhanced status code (RFC 3463) that the event can carry. */
export function parseDsn(text: string): string | undefined {
  return /^[245]\.\d{1,3}\.\d{1,3}$/.test(text) ? text : undefined;
}

/** An SMTP reply code: three digits at `at`, not followed by a fourth. */
export function replyCodeAt(text: string, at: number): number | undefined {
  const first = text.charCodeAt(at);
  if (
    first < 0x32 ||
    first > 0x35 ||
    !isDigit(text.charCodeAt(at + 1)) ||
    !isDigit(text.charCodeAt(at + 2))
  ) {
    return undefined;
  }
  const next = text.charCodeAt(at + 3);
  return next === 0x20 || next === 0x2d ? Number(text.slice(at, at + 3)) : undefined;
}
