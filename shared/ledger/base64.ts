/**
 * Standard base64 (RFC 4648 section 4) in the one spelling that encodes these bytes: padded, no white
 * space, no bits left over. Node's decoder alone takes far more.
 * @returns null for anything else.
 */
export function decodeBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** An ASCII decimal without leading zeros, up to 2^53 - 1. @returns null for anything else. */
export function parseDecimal(text: string): number | null {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** @returns null unless the bytes are valid UTF-8. A byte order mark is kept, and refused further on. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
