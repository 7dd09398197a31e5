import { isCanonical } from './canonical.ts';
import { type TrafficEvent, trafficEventSchema } from './event.ts';

const fields = Object.keys(trafficEventSchema.shape) as (keyof TrafficEvent)[];

/**
 * What `trafficEventSchema.safeParse` gives. Nearly every event is recognised by its text in canonical form, in a
 * third of the time.
 */
export function checkEvent(event: TrafficEvent): ReturnType<typeof trafficEventSchema.safeParse> {
  const data = inOrder(event);
  return data !== null && isCanonical(JSON.stringify(data))
    ? { success: true, data }
    : trafficEventSchema.safeParse(event);
}

/** The event with its members in the schema's order; null where it has others, or any that JSON would change. */
function inOrder(event: TrafficEvent): TrafficEvent | null {
  const ordered: Partial<Record<keyof TrafficEvent, unknown>> = {};
  let known = 0;
  for (const field of fields) {
    const value = event[field];
    if (value === undefined) continue;
    if (typeof value === 'object') return null;
    ordered[field] = value;
    known += 1;
  }
  return known === Object.keys(event).length ? (ordered as TrafficEvent) : null;
}
