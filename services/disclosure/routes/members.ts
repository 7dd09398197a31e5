import { z } from 'zod';
import { utcTimestamp } from '#shared/traffic';

export const idSchema = z.uuid({ version: 'v7' });

/** Any RFC 3339 time; taken as UTC with milliseconds. */
export const timestampInput = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value).toISOString())
  // An offset can carry a time out of the years 0000 to 9999, where times no longer compare as texts.
  .pipe(utcTimestamp)
  .meta({ description: 'RFC 3339' });
