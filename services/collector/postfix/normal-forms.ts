import { normalizeAddress, normalizeHostName, trafficLimits } from '#shared/traffic';

/*
 * Fast paths to the normal forms of #shared/traffic: what is in normal form already, which nearly all of
 * a log is, is recognised by one pass over its characters and returned as it is.
 */

const other = 0;
/** a–z, 0–9, `-`, `_`: a host name's label. */
const label = 1;
const dot = 2;
/** Further ASCII of a local part; the case of letters is kept there. */
const local = 3;

const kindOf = new Uint8Array(128);
for (let code = 0x21; code < 0x7f; code++) {
  const char = String.fromCharCode(code);
  kindOf[code] = /[a-z0-9_-]/.test(char) ? label : char === '.' ? dot : char === '@' ? other : local;
}

/** Whether the text from `start` on is a host name in normal form. `unknown` looks like one. */
function isNormalHostName(text: string, start: number): boolean {
  let inLabel = false;
  for (let at = start; at < text.length; at++) {
    const kind = kindOf[text.charCodeAt(at)] ?? other;
    if (kind === label) inLabel = true;
    else if (kind === dot && inLabel) inLabel = false;
    else return false;
  }
  return inLabel && text.length - start <= trafficLimits.hostNameBytes;
}

/** The same as `normalizeHostName`. */
export function hostNameOf(text: string): string | null {
  if (isNormalHostName(text, 0)) return text === 'unknown' ? null : text;
  return normalizeHostName(text);
}

/** The same as `normalizeAddress`. */
export function addressOf(text: string): string | null {
  const at = text.lastIndexOf('@');
  if (at <= 0 || text.length > trafficLimits.addressBytes || !isNormalHostName(text, at + 1)) {
    return normalizeAddress(text);
  }
  if (text.length === at + 8 && text.endsWith('unknown')) return normalizeAddress(text);
  for (let index = 0; index < at; index++) {
    if ((kindOf[text.charCodeAt(index)] ?? other) === other) return normalizeAddress(text);
  }
  return text;
}
