import { asControlEntry } from '#shared/control';
import { dayExpiresAt, lastExpiredDay, parseRetentionPeriod } from '#shared/store';
import { type EntrySource, entriesFrom } from '../audit/entry-source.ts';

/** What the entries about expiry show. */
export interface CertificateReport {
  readonly certificates: number;
  readonly daysRemoved: number;
  readonly rowsRemoved: number;
  /** Holds of orders that were removed, and the records that were in them. */
  readonly holdsRemoved: number;
  readonly heldRemoved: number;
  readonly through: string | null;
  readonly lastAt: string | null;
  /** From the end of a day's period to when it was seen gone, the longest, whole hours. */
  readonly slowestHours: number | null;
  readonly policies: readonly {
    readonly version: number;
    readonly period: string;
    readonly since: string;
    readonly legalBasis: string;
  }[];
  /** Sentences about what an auditor should know and may have its reason, such as a service that was stopped. */
  readonly remarks: readonly string[];
  /** Sentences. */
  readonly problems: readonly string[];
}

const hourMs = 3_600_000;
const graceHours = 24;
/** Longest time between two certificates; one comes each day. */
const longestSilenceHours = 26;
const maxProblems = 100;

/**
 * Holds the certificates against each other: each day that was removed was past its time, and gone within a
 * day of it; what a certificate foretold is what the next one removed; there is one each day; nothing that
 * was begun is left unfinished, of holds neither, and no alarm unanswered.
 */
export async function verifyCertificates(source: EntrySource): Promise<CertificateReport> {
  const problems: string[] = [];
  const remarks: string[] = [];
  const found = (index: number, fault: string): void => {
    if (problems.length < maxProblems) problems.push(`Entry ${index} ${fault}.`);
  };
  const policies: CertificateReport['policies'][number][] = [];
  let [certificates, daysRemoved, rowsRemoved, holdsRemoved, heldRemoved] = [0, 0, 0, 0, 0];
  /** Holds of which the removal was begun: the entry, and its time. */
  const ending = new Map<string, { readonly index: number; readonly at: string }>();
  let slowest: number | null = null;
  let last: {
    at: string;
    through: string;
    next: readonly { place: string; day: string; rows: number }[];
  } | null = null;
  let open: { index: number } | null = null;
  let alarm: { index: number } | null = null;

  const kinds = [
    'retention.configured',
    'retention.started',
    'retention.certified',
    'retention.overdue',
    'hold.ended',
    'hold.deleted',
  ] as const;
  for await (const { index, entry: raw } of entriesFrom(source, { kinds: [...kinds] })) {
    const entry = asControlEntry(index, raw);
    switch (entry.kind) {
      case 'retention.configured':
        policies.push({ ...entry.details, since: entry.at });
        break;
      case 'retention.started':
        open = { index };
        break;
      case 'retention.overdue':
        alarm = { index };
        break;
      case 'hold.ended':
        ending.set(entry.subject ?? '', { index, at: entry.at });
        break;
      case 'hold.deleted': {
        const { at } = ending.get(entry.subject ?? '') ?? { at: entry.at };
        const hours = Math.floor((Date.parse(entry.details.goneAt) - Date.parse(at)) / hourMs);
        if (hours > graceHours) found(index, `removed what an order held ${hours} hours after that began`);
        ending.delete(entry.subject ?? '');
        holdsRemoved++;
        heldRemoved += entry.details.records;
        break;
      }
      case 'retention.certified': {
        const { days, through, goneAt, next } = entry.details;
        const policy = policies.at(-1);
        const period = parseRetentionPeriod(policy?.period ?? '');
        certificates++;
        open = null;
        alarm = null;
        if (period === null || policy === undefined) break;
        if (through > lastExpiredDay(Date.parse(goneAt), period)) {
          found(index, 'certifies a day that was not past its time');
        }
        for (const { place, day, rows } of days) {
          daysRemoved++;
          rowsRemoved += rows;
          const end = dayExpiresAt(day, period);
          if (end > Date.parse(goneAt)) found(index, `says that ${day} is gone, which was not past its time`);
          // A shortened period ends days at once: their time begins with it.
          const hours = Math.floor((Date.parse(goneAt) - Math.max(end, Date.parse(policy.since))) / hourMs);
          slowest = Math.max(slowest ?? 0, hours);
          if (hours > graceHours) found(index, `removed ${day} of ${place} ${hours} hours after its time`);
          const foretold = last?.next.find((one) => one.day === day && one.place === place);
          if (foretold !== undefined && foretold.rows > rows) {
            found(index, `removed fewer rows of ${day} than the certificate before it counted`);
          }
        }
        const silence = last === null ? 0 : (Date.parse(entry.at) - Date.parse(last.at)) / hourMs;
        if (silence > longestSilenceHours) {
          if (remarks.length < maxProblems) {
            remarks.push(
              `Entry ${index} comes ${Math.floor(silence)} hours after the certificate before it.`,
            );
          }
        }
        last = { at: entry.at, through, next };
        break;
      }
    }
  }
  for (const { index } of ending.values())
    found(index, 'began to remove what an order held, which was never certified');
  if (open !== null) found(open.index, 'began a removal that was never certified');
  if (alarm !== null)
    found(alarm.index, 'says that something is past its time, and nothing after it says it is gone');
  return {
    certificates,
    daysRemoved,
    rowsRemoved,
    holdsRemoved,
    heldRemoved,
    through: last?.through ?? null,
    lastAt: last?.at ?? null,
    slowestHours: slowest,
    policies,
    remarks,
    problems,
  };
}
