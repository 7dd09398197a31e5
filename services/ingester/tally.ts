import { parseStrictJson } from '#shared/runtime';
import { type SourceTally, sourceTallySchema } from '#shared/traffic';

/** As `tellOver` of the collector writes it; an event begins with another member. */
const start = Buffer.from('{"tallyVersion":');

/**
 * What a collector counted, which comes beside the events that it counts.
 * @returns null for everything else: `parseRecord` says what is wrong with it.
 */
export function parseTally(value: Uint8Array): SourceTally | null {
  if (!start.equals(value.subarray(0, start.length))) return null;
  const json = parseStrictJson(value);
  const parsed = json.ok ? sourceTallySchema.safeParse(json.value) : null;
  return parsed?.success ? parsed.data : null;
}
