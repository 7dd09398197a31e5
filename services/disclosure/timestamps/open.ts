import { readFile } from 'node:fs/promises';
import type { Clock, Logger } from '#shared/runtime';
import { readAnchors } from '#shared/timestamp';
import type { Installation } from '../open.ts';
import { createStamping, type Stamping } from './stamping.ts';

/** The file of authorities' certificates cannot be used. */
export class TimestampAuthorityError extends Error {
  override readonly name = 'TimestampAuthorityError';
  readonly code = 'config.timestamp_authority';
  constructor() {
    super('the file of the time-stamping authority’s certificates holds no PEM certificate');
  }
}

/**
 * Has an installation's checkpoints stamped, one a day; asks nobody yet.
 * @throws TimestampAuthorityError; the system's error where the file cannot be read
 */
export async function openInstallationStamping(
  { ledger, ledgerFolder }: Pick<Installation, 'ledger' | 'ledgerFolder'>,
  options: {
    readonly url: string;
    readonly caFile: string;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): Promise<Stamping> {
  const { url, caFile, clock, logger } = options;
  const anchors = readAnchors(await readFile(caFile, 'utf8'));
  if (anchors === null) throw new TimestampAuthorityError();
  return createStamping({ authority: { url, anchors }, ledger, folder: ledgerFolder, clock, logger });
}
