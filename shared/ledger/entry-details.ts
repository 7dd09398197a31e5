import { z } from 'zod';

/** A JSON value without surprises: what is written is read back the same. */
export type DetailValue =
  | string
  | number
  | boolean
  | null
  | readonly DetailValue[]
  | { readonly [name: string]: DetailValue };

/** Bounds on `details`; with the envelope's own bounds, an entry within them fits its 65,535 bytes. */
const maxDepth = 5;
const maxBytes = 32_768;
const maxStringLength = 8_192;

/** No numeric names (JavaScript reorders them) and no `__proto__`. */
const memberName = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const forbiddenText = /[\p{Cc}\p{Surrogate}]/u;

function isDetailValue(value: unknown, depth: number): boolean {
  if (depth > maxDepth) return false;
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value === 'string') return value.length <= maxStringLength && !forbiddenText.test(value);
  if (Array.isArray(value)) return value.every((item) => isDetailValue(item, depth + 1));
  if (typeof value !== 'object') return false;
  return Object.entries(value).every(
    ([name, item]) => memberName.test(name) && isDetailValue(item, depth + 1),
  );
}

/** What a kind adds: a JSON object of bounded size and depth. Its meaning is checked where the kind is. */
export const detailsSchema = z.custom<{ readonly [name: string]: DetailValue }>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    isDetailValue(value, 0) &&
    Buffer.byteLength(JSON.stringify(value)) <= maxBytes,
);
