import { createHash } from 'node:crypto';
import type { BusRecord } from '#shared/bus';

/**
 * Names an insert by where its batch stood and by what is in it: the same rows of the same batch have the
 * same token, and nothing else has.
 *
 * The offsets alone would lose data: a topic that was deleted and made again counts from 0 once more, and
 * a store that remembers tokens (replicated tables do) would take the new rows for old ones. So
 * would a record that was refused once and is accepted when it comes again, after its clock was mended.
 *
 * @param range of a bus whose coordinates are stable; without it the content alone tells batches apart
 * @param records those that are inserted
 */
export function tokenOf(range: string | undefined, records: readonly BusRecord[]): string {
  const hash = createHash('sha256');
  hash.update(`${range ?? ''}\n`);
  for (const { value } of records) {
    hash.update(`${value.byteLength}\n`);
    hash.update(value);
  }
  return hash.digest('hex');
}
