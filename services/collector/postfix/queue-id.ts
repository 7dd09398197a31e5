/*
 * Queue ids (postconf(5), enable_long_queue_ids). Short: upper-case hexadecimal microseconds and inode.
 * Long: base 52, digits and consonants of both cases. Neither can spell a word that Postfix begins a
 * message with, `warning:` or `NOQUEUE:` among them.
 */

const minLength = 6;
const maxLength = 24;

const hex = 1;
const base52 = 2;
const kindOf = new Uint8Array(128);
for (const char of '0123456789ABCDEF') kindOf[char.charCodeAt(0)] = hex;
for (const char of '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz') {
  kindOf[char.charCodeAt(0)] = (kindOf[char.charCodeAt(0)] ?? 0) | base52;
}

/** Length of the queue id that begins at `at` and is followed by anything else; 0 where there is none. */
export function queueIdLength(text: string, at: number): number {
  let kinds = hex | base52;
  let end = at;
  for (; end <= at + maxLength; end++) {
    const kind = kindOf[text.charCodeAt(end)] ?? 0;
    if (kind === 0) break;
    kinds &= kind;
  }
  const length = end - at;
  return kinds !== 0 && length >= minLength && length <= maxLength ? length : 0;
}
