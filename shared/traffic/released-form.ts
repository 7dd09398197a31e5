import { z } from 'zod';
import { canonicalLine } from './canonical.ts';
import { type CategoryId, grantedFields, typesOfCategories } from './categories.ts';
import { type EventType, type TrafficEvent, trafficEventSchema, trafficSchemaVersion } from './event.ts';

/** A record as it is released: an event, projected to the categories that were granted. */
export type ReleasedRecord = Partial<TrafficEvent>;

/** What a line says of its record. Times are RFC 3339 UTC. */
export interface RecognizedLine {
  readonly type: EventType;
  readonly occurredAt: string;
  readonly collectedAt: string;
  readonly sourceId: string;
  /** Index after its line feed. */
  readonly end: number;
}

/** A record with what each has, whatever is granted. */
type ParsedRecord = ReleasedRecord & Omit<RecognizedLine, 'end'>;

interface FormOfType {
  readonly type: EventType;
  readonly line: RegExp;
  readonly schema: z.ZodType<ReleasedRecord>;
}

/** Where the values stand in every line: the members before them have one length. */
const beforeType = `{"schemaVersion":${trafficSchemaVersion},"eventId":"${'0'.repeat(32)}","type":"`.length;
const beforeTime = '","occurredAt":"'.length;
const collectedName = '"collectedAt":"';
// No value can hold it: a quote in a value is escaped. The source stands near the line's end.
const sourceName = ',"sourceId":"';
const timeLength = '2026-01-01T00:00:00.000Z'.length;

/**
 * The form that released records have where these categories are granted: the bytes that `JSON.stringify`
 * makes of what `projectToCategories` gives, and a line feed. Bytes that the store made are held against it,
 * so that nothing else than granted fields with valid values leaves, whatever the statement.
 */
export class ReleasedForm {
  readonly #byType: ReadonlyMap<string, FormOfType>;

  constructor(categories: readonly CategoryId[]) {
    const forms = typesOfCategories(categories).map((type): [string, FormOfType] => {
      const fields = grantedFields(type, categories);
      // In the schema's order, which is that of the record's members.
      const names = (Object.keys(trafficEventSchema.shape) as (keyof TrafficEvent)[]).filter((field) =>
        fields.has(field),
      );
      const mask = Object.fromEntries(names.map((field) => [field, true]));
      const schema = trafficEventSchema.pick(mask as { [K in keyof TrafficEvent]?: true });
      return [type, { type, line: canonicalLine(type, fields), schema }];
    });
    this.#byType = new Map(forms);
  }

  /**
   * Recognises a line in canonical form (see `canonical.ts`).
   * @param text of bytes, one character each
   * @returns null where it is not in that form; `parse` may still find a valid record in it
   */
  recognize(text: string, start: number): RecognizedLine | null {
    const typeAt = start + beforeType;
    const typeEnd = text.indexOf('"', typeAt);
    const form = this.#byType.get(text.slice(typeAt, typeEnd));
    if (form === undefined) return null;
    const { line, type } = form;
    line.lastIndex = start;
    if (!line.test(text)) return null;
    const occurredAt = typeEnd + beforeTime;
    const collectedAt = text.indexOf(collectedName, occurredAt) + collectedName.length;
    const end = line.lastIndex;
    const sourceId = text.lastIndexOf(sourceName, end) + sourceName.length;
    return {
      type,
      occurredAt: text.slice(occurredAt, occurredAt + timeLength),
      collectedAt: text.slice(collectedAt, collectedAt + timeLength),
      sourceId: text.slice(sourceId, text.indexOf('"', sourceId)),
      end,
    };
  }

  /**
   * Any line that is a valid released record, in whatever spelling of JSON.
   * @returns null where it is none: not JSON, a field that was not granted, a value that is not valid
   */
  parse(line: string): ParsedRecord | null {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return null;
    }
    const type = z.object({ type: z.string() }).safeParse(value).data?.type ?? '';
    const record = this.#byType.get(type)?.schema.safeParse(value).data;
    return (record as ParsedRecord | undefined) ?? null;
  }
}
