import { z } from 'zod';
import type { SourceTally } from '#shared/traffic';
import type { Database, StoreQuery } from './database.ts';
import { StoreError } from './errors.ts';
import { Parameters, settingsOf } from './query.ts';

/*
 * Counts by source and day of collection, from both ends: what collectors counted, and what is there. They
 * are read through views that show source, day and id of an event and nothing else of it, as long as it is
 * there: a day is counted for the last time when all of it has expired, and before it is dropped.
 */

export const tallyColumns = [
  'sourceId',
  'day',
  'checkpoint',
  'lines',
  'repeated',
  'ignored',
  'notUnderstood',
  'understood',
  'events',
  'invalid',
  'gaps',
  'resumedFrom',
] as const;

export function tallyRow({ tallyVersion: _, ...row }: SourceTally): string {
  return JSON.stringify(row);
}

/** The newest counts of one checkpoint of a source on one day. */
export type CountedDay = Omit<SourceTally, 'tallyVersion'>;

/** What of one source and day is in the table. */
export interface StoredCount {
  readonly sourceId: string;
  /** Each once. */
  readonly events: number;
  /** Copies of one event counted each. */
  readonly rows: number;
}

export interface SourceDays {
  /** What collectors counted, by day and source. @param from first day @param to last day */
  counted(from: string, to: string): Promise<CountedDay[]>;
  /** What is stored of a day's collection, by source. */
  stored(day: string): Promise<StoredCount[]>;
  /** Events of a source and day that were collected again on a later one. */
  again(sourceId: string, day: string, onDay: string): Promise<number>;
  /** Records of a day's collection that were refused and are not stored, each once, by source. */
  rejected(day: string): Promise<ReadonlyMap<string, number>>;
}

/** Events that are told apart at a time, in some 400 MB. */
const eventsAtATime = 10_000_000;

const count = z.coerce.number().int().nonnegative();
const name = z.string().max(64);
const day = z.iso.date();
const countedRow = z.object({
  sourceId: name,
  day,
  checkpoint: z.string(),
  lines: count,
  repeated: count,
  ignored: count,
  notUnderstood: count,
  understood: count,
  events: count,
  invalid: count,
  gaps: count,
  resumedFrom: day.nullable(),
});
const rowCount = z.object({ sourceId: name, rows: count });
const eventCount = z.object({ sourceId: name, events: count });

const settings = `SETTINGS ${settingsOf()}`;

/** @param database with all migrations applied; not closed */
export function createSourceDays(database: Database): SourceDays {
  async function all<T>(text: string, parameters: Parameters, schema: z.ZodType<T>): Promise<T[]> {
    const query: StoreQuery = { text: `${text}\n${settings}`, parameters: parameters.values };
    const found: T[] = [];
    for await (const rows of database.rows(query)) {
      for (const row of rows) {
        const parsed = schema.safeParse(row);
        if (!parsed.success) throw new StoreError('store.row_invalid', 'A count gave an unexpected row');
        found.push(parsed.data);
      }
    }
    return found;
  }

  return {
    counted(from, to) {
      const parameters = new Parameters();
      const maxima = tallyColumns.slice(3).map((column) => `max(t.${column}) AS ${column}`);
      return all(
        `SELECT t.sourceId AS sourceId, t.day AS day, t.checkpoint AS checkpoint, ${maxima.join(', ')}
FROM source_days AS t
WHERE t.day >= toDate(${parameters.text('from', from)}) AND t.day <= toDate(${parameters.text('to', to)})
GROUP BY sourceId, day, checkpoint ORDER BY day, sourceId, checkpoint`,
        parameters,
        countedRow,
      );
    },

    async stored(of) {
      const parameters = new Parameters();
      const from = `FROM traffic_origins WHERE ${collectedOn(parameters, 'day', of)}`;
      const rows = await all(
        `SELECT sourceId, count() AS rows ${from} GROUP BY sourceId ORDER BY sourceId`,
        parameters,
        rowCount,
      );
      const pieces = Math.ceil(rows.reduce((sum, { rows: n }) => sum + n, 0) / eventsAtATime);
      const events = new Map<string, number>();
      for (let piece = 0; piece < pieces; piece++) {
        const part = pieces === 1 ? '' : ` AND sipHash64(eventId) % ${pieces} = ${piece}`;
        const found = await all(
          `SELECT sourceId, uniqExact(eventId) AS events ${from}${part} GROUP BY sourceId`,
          parameters,
          eventCount,
        );
        for (const { sourceId, events: n } of found) events.set(sourceId, (events.get(sourceId) ?? 0) + n);
      }
      return rows.map(({ sourceId, rows: n }) => ({ sourceId, rows: n, events: events.get(sourceId) ?? 0 }));
    },

    async again(sourceId, of, onDay) {
      const parameters = new Parameters();
      const source = `sourceId = ${parameters.text('source', sourceId)}`;
      const [found] = await all(
        `SELECT uniqExact(eventId) AS events FROM traffic_origins
WHERE ${source} AND ${collectedOn(parameters, 'day', of)} AND eventId GLOBAL IN (
SELECT eventId FROM traffic_origins WHERE ${source} AND ${collectedOn(parameters, 'later', onDay)})`,
        parameters,
        z.object({ events: count }),
      );
      return found?.events ?? 0;
    },

    async rejected(of) {
      const parameters = new Parameters();
      const refused = `FROM rejected_origins AS o WHERE o.day = ${parameters.text('day', of)}`;
      const found = await all(
        // What was refused says anything of itself: a name that is none counts as no name.
        `SELECT if(length(o.sourceId) > 64, '', o.sourceId) AS sourceId, uniqExact(o.eventIdHex) AS events
${refused} AND o.eventIdHex GLOBAL NOT IN (
SELECT lower(hex(eventId)) FROM traffic_origins WHERE ${collectedOn(parameters, 'stored', of)}
  AND lower(hex(eventId)) GLOBAL IN (SELECT o.eventIdHex ${refused}))
GROUP BY sourceId`,
        parameters,
        eventCount,
      );
      return new Map(found.map(({ sourceId, events }) => [sourceId, events]));
    },
  };
}

/** Other days are left out by their partitions. */
const collectedOn = (parameters: Parameters, as: string, of: string): string =>
  `day = toDate(${parameters.text(as, of)})`;
