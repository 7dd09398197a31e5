/*
 * Checkpoints that an authority stamped (RFC 3161), one a day, beside the tiles: the note as it was, and the
 * authority's answer over exactly its bytes.
 */

export const timestampFolder = 'timestamps';

/** Which days there are: `YYYY-MM-DD`, one a line, oldest first. */
export const timestampIndex = `${timestampFolder}/days`;

/** @param day `YYYY-MM-DD` */
export const timestampPaths = (day: string) => ({
  checkpoint: `${timestampFolder}/${day}`,
  stamp: `${timestampFolder}/${day}.tsr`,
});

/** The days of an index; anything else in it is left out. */
export const readTimestampIndex = (text: string): string[] =>
  text.split('\n').filter((line) => /^\d{4}-\d{2}-\d{2}$/.test(line));

export const isTimestampPath = (path: string): boolean =>
  path === timestampIndex || /^timestamps\/\d{4}-\d{2}-\d{2}(\.tsr)?$/.test(path);
