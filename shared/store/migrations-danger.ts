import type { Migration } from './migrations.ts';
import type { RetentionPeriod } from './retention.ts';

/** Something about a plan that a person must allow by its name before anything is applied. */
export interface Danger {
  /** Stable: `retention:shorten`, `migration:0004_….sql`, `changed:…`, `newer:…`. */
  readonly name: string;
  /** What would happen, for the person. */
  readonly sentence: string;
  /** Whether the record of applied migrations and the files do not fit together. */
  readonly record: boolean;
}

/** The last record of one migration. */
export interface Applied {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

/** Where the record and the files of this version do not fit together. */
export function recordDangers(applied: readonly Applied[], migrations: readonly Migration[]): Danger[] {
  return applied.flatMap(({ name, sha256 }, index): Danger[] => {
    const migration = migrations[index];
    if (migration === undefined) {
      const sentence = `The database has migration ${name}, which this version does not know: it is newer, or a file is missing`;
      return [{ name: `newer:${name}`, sentence, record: true }];
    }
    if (migration.name !== name) {
      const sentence = `Migration ${index + 1} was applied as ${name} and is now called ${migration.name}`;
      return [{ name: `changed:${migration.name}`, sentence, record: true }];
    }
    if (migration.sha256 !== sha256) {
      const sentence = `Migration ${name} was changed after it was applied; put it back and add a new one. Allowed, it is recorded as it is now and not run again`;
      return [{ name: `changed:${name}`, sentence, record: true }];
    }
    return [];
  });
}

/** A table, or the view, that keeps for another period than the configured one. 0 months is without end. */
export interface RetentionChange {
  readonly table: string;
  readonly months: number;
}

export function retentionDangers(changes: readonly RetentionChange[], to: RetentionPeriod): Danger[] {
  const described = (which: readonly RetentionChange[]): string =>
    which.map(({ table, months }) => `${table} (${months === 0 ? 'without end' : `P${months}M`})`).join(', ');
  const longer = changes.filter(({ months }) => months !== 0 && months < to.months);
  const shorter = changes.filter(({ months }) => months === 0 || months > to.months);
  const dangers: Danger[] = [];
  if (shorter.length > 0) {
    const sentence = `Everything collected more than ${to.months} months ago is deleted, for ever: the retention of ${described(shorter)} becomes P${to.months}M`;
    dangers.push({ name: 'retention:shorten', sentence, record: false });
  }
  if (longer.length > 0) {
    const sentence = `Personal data are kept longer than when they were collected: the retention of ${described(longer)} becomes P${to.months}M. Is there a legal basis for it?`;
    dangers.push({ name: 'retention:lengthen', sentence, record: false });
  }
  return dangers;
}

/** `ADD` and settings change nothing that is there; whatever else alters a table may. */
const destructive = [
  /^(?:DROP|TRUNCATE|DETACH|RENAME|EXCHANGE|DELETE|UPDATE|UNDROP)\b/i,
  /^CREATE\s+OR\s+REPLACE\s+TABLE\b|^REPLACE\s+TABLE\b/i,
  /^ALTER\b[^']*\b(?:DROP|CLEAR|RENAME|REPLACE|MOVE|DETACH|DELETE|UPDATE|MODIFY\s+(?!SETTING|COMMENT))/i,
];

/** A pending migration whose statements may take away or alter what is stored. */
export function statementDangers(name: string, statements: readonly string[]): Danger[] {
  const found = statements.filter((statement) => destructive.some((pattern) => pattern.test(statement)));
  const firstWords = found.map((statement) => statement.replace(/\s+/g, ' ').slice(0, 80));
  if (firstWords.length === 0) return [];
  const sentence = `Migration ${name} takes away or alters what is stored: ${firstWords.join('; ')}`;
  return [{ name: `migration:${name}`, sentence, record: false }];
}
