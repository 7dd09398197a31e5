import { z } from 'zod';
import type { Variable } from '#shared/runtime';
import { parseRetentionPeriod, type RetentionPeriod } from './retention.ts';

/** `P6M` and the like, as configurations write it. */
export const retentionPeriodSchema = z.string().transform((value, context): RetentionPeriod => {
  const period = parseRetentionPeriod(value);
  if (period === null) context.addIssue({ code: 'custom', message: 'must be P1M to P24M, whole months' });
  return period ?? { months: 0 };
});

export const retentionVariable: Variable = {
  name: 'RETENTION_PERIOD',
  member: 'retention',
  about: 'how long events are kept, P1M to P24M, the same for every process and for griffie migrate',
  default: 'P6M',
};
