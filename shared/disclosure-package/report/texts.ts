import type { RegimeId } from '#shared/orders';
import type { EventType } from '#shared/traffic';
import type { IncompleteReason, Manifest } from '../manifest.ts';
import { en } from './texts-en.ts';
import { nl } from './texts-nl.ts';

/** Every sentence and label of the report, in one language. */
export interface ReportTexts {
  readonly title: string;
  readonly confidential: string;
  readonly page: (page: number, pages: number) => string;
  readonly headings: Readonly<
    Record<
      'order' | 'disclosure' | 'scope' | 'completeness' | 'counts' | 'parts' | 'verify' | 'records',
      string
    >
  >;
  readonly labels: Readonly<
    Record<
      | 'operator'
      | 'orderId'
      | 'regime'
      | 'legalBasis'
      | 'authority'
      | 'fileReference'
      | 'issuedAt'
      | 'receivedAt'
      | 'requestId'
      | 'packageId'
      | 'createdAt'
      | 'software'
      | 'windowAsked'
      | 'windowAvailable'
      | 'storedUpTo'
      | 'targets'
      | 'categories'
      | 'total'
      | 'partName'
      | 'partRecords'
      | 'partBytes'
      | 'partDigest'
      | 'number'
      | 'time'
      | 'event'
      | 'data'
      | 'yes'
      | 'no',
      string
    >
  >;
  /** Of the regimes that are shipped; another is named by its id. */
  readonly regimes: Readonly<Record<RegimeId, string>>;
  readonly targetKinds: Readonly<Record<Manifest['query']['scope']['targets'][number]['kind'], string>>;
  readonly subaddresses: string;
  readonly window: (from: string, to: string) => string;
  readonly windowNone: string;
  readonly states: Readonly<Record<Manifest['completeness']['state'], string>>;
  readonly reasons: Readonly<Record<IncompleteReason, string>>;
  readonly noneWithoutReason: string;
  readonly events: Readonly<Record<EventType, string>>;
  readonly recordsShown: (shown: number, all: number) => string;
  /** Said where a character was written as an escape. */
  readonly escapes: string;
  readonly times: string;
  readonly partsNote: string;
  readonly verify: readonly string[];
  /** Labels of the fields of a record; a field without one is shown by its own name. */
  readonly fields: Readonly<Record<string, string>>;
}

export const reportTexts: Readonly<Record<'en' | 'nl', ReportTexts>> = { en, nl };
