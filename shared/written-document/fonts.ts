import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/*
 * DejaVu, because an address (SMTPUTF8, RFC 6531) is not confined to what PDF's standard fonts have, and
 * because a file for the archive carries its fonts. pdfkit embeds the glyphs that are used.
 */

const require = createRequire(import.meta.url);
const load = (face: string): Buffer => readFileSync(require.resolve(`dejavu-fonts-ttf/ttf/${face}.ttf`));

export interface ReportFonts {
  readonly regular: Buffer;
  readonly bold: Buffer;
  readonly mono: Buffer;
}

let loaded: ReportFonts | null = null;

/** Reads the fonts once, when the first document is made. */
export function reportFonts(): ReportFonts {
  loaded ??= { regular: load('DejaVuSans'), bold: load('DejaVuSans-Bold'), mono: load('DejaVuSansMono') };
  return loaded;
}

/**
 * Blocks of Latin, Greek and Cyrillic letters that the fonts have without a gap, the signs of ASCII and
 * Latin-1, and the dashes and quotes of our own sentences. No combining marks, no other spaces, nothing
 * invisible, nothing that reads from right to left.
 */
const inFont =
  /^(?!\p{Cn})[\u0020-\u007e\u00a1-\u00ac\u00ae-\u024f\u0386-\u0481\u048a-\u0525\u1e00-\u1efb\u2013\u2018-\u201d\u2026]$/u;

/**
 * Text as the report can show it without doubt: every other character is written as `\u{…}`, so that
 * nothing is left blank, reordered or hidden. A backslash that could be taken for such an escape is
 * written as one itself.
 */
export function showable(text: string): string {
  let result = '';
  let index = 0;
  for (const character of text) {
    const isEscapeLike = character === '\\' && text.startsWith('u{', index + 1);
    result +=
      !isEscapeLike && inFont.test(character)
        ? character
        : `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
    index += character.length;
  }
  return result;
}
