/** Why a text is not the JSON that Griffie takes. */
export type StrictJsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: 'not_utf8' | 'malformed' | 'duplicate_member' | 'too_deep' };

/** Nesting that no honest document of ours reaches. */
const maxDepth = 32;

/**
 * JSON (RFC 8259) from untrusted bytes: UTF-8 without a byte order mark, no member name twice in one
 * object (readers differ on which one counts, and a signature covers both), bounded nesting.
 */
export function parseStrictJson(bytes: Uint8Array): StrictJsonResult {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, reason: 'not_utf8' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'malformed' };
  }
  const structure = checkStructure(text);
  return structure === null ? { ok: true, value } : { ok: false, reason: structure };
}

/** Walks a text that is known to be valid JSON and looks for what `JSON.parse` lets pass. */
function checkStructure(text: string): 'duplicate_member' | 'too_deep' | null {
  const scopes: (Set<string> | null)[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === '{' || char === '[') {
      scopes.push(char === '{' ? new Set() : null);
      if (scopes.length > maxDepth) return 'too_deep';
    } else if (char === '}' || char === ']') {
      scopes.pop();
    } else if (char === '"') {
      const end = endOfString(text, at);
      const members = scopes.at(-1);
      if (members && isFollowedByColon(text, end)) {
        const name: string = JSON.parse(text.slice(at, end));
        if (members.has(name)) return 'duplicate_member';
        members.add(name);
      }
      at = end;
      continue;
    }
    at += 1;
  }
  return null;
}

/** Index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at += 1;
  return text[at] === ':';
}
