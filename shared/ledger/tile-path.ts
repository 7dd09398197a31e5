import { isCount } from './ranges.ts';

/** Hashes or entries in a full tile (C2SP tlog-tiles: height 8). */
export const tileSpan = 256;

/** Highest tile level that the format has a path for. */
const maxLevel = 63;

/** A hash tile or an entry bundle. `width` is 256 for a full one, 1 to 255 for a partial one. */
export interface TileName {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
}

/** `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles). */
export function tilePath({ level, index, width }: TileName): string {
  const full = `tile/${level}/${groupDigits(index)}`;
  return width === tileSpan ? full : `${full}.p/${width}`;
}

/** @returns null unless the text is exactly what `tilePath` writes: a path from outside goes through here. */
export function parseTilePath(path: string): TileName | null {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(
    path,
  );
  if (match === null) return null;
  const [, levelText, indexText = '', widthText] = match;
  const level = levelText === 'entries' ? 'entries' : Number(levelText);
  const index = Number(indexText.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? tileSpan : Number(widthText);
  if (level !== 'entries' && level > maxLevel) return null;
  if (!isCount(index) || width < 1 || (widthText !== undefined && width >= tileSpan)) return null;
  const name: TileName = { level, index, width };
  return tilePath(name) === path ? name : null;
}

/** How many hashes the tile at `index` of `level` has in a tree of `size` leaves; 0 where there is none. */
export function tileWidthAt(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / tileSpan ** level) - index * tileSpan;
  return Math.max(0, Math.min(tileSpan, hashes));
}

/** 1234067 is `x001/x234/067`: file systems get folders of a thousand, and no file is ever a folder. */
function groupDigits(index: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/[0-9]{3}/g) ?? [];
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
}
