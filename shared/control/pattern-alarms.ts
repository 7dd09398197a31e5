import { isDeepStrictEqual } from 'node:util';
import type { AnyControlEntry, ControlEntry } from './entry.ts';
import type { PatternAlarm } from './pattern-entries.ts';
import { observe, type PatternView } from './patterns.ts';
import type { ControlState } from './state.ts';

/** The alarms that are left once this one was raised. */
export function withoutAlarm(due: readonly PatternAlarm[], raised: PatternAlarm): readonly PatternAlarm[] {
  const place = due.findIndex((alarm) => isDeepStrictEqual({ ...alarm }, { ...raised }));
  return place === -1 ? due : due.toSpliced(place, 1);
}

export const isDueAlarm = ({ alarmsDue }: Pick<ControlState, 'alarmsDue'>, alarm: PatternAlarm): boolean =>
  withoutAlarm(alarmsDue, alarm) !== alarmsDue;

/** An entry of a step, and whether the step decided it or it follows from the one before. */
export interface StepEntry {
  readonly entry: AnyControlEntry;
  readonly isAlarm: boolean;
}

/**
 * The entries of a step with the alarms that they make due, each right behind its entry; before them what an
 * append that was cut off left due.
 * @param at time that the alarms carry
 */
export function withAlarms(
  state: PatternView & Pick<ControlState, 'alarmsDue'>,
  entries: readonly AnyControlEntry[],
  at: string,
): StepEntry[] {
  const alarm = (details: PatternAlarm): StepEntry => {
    const entry: ControlEntry<'pattern.alarm'> = {
      kind: 'pattern.alarm',
      at,
      actor: { service: 'disclosure' },
      details,
    };
    return { entry, isAlarm: true };
  };
  const all = state.alarmsDue.map(alarm);
  let { patternTallies } = state;
  for (const [i, entry] of entries.entries()) {
    const { tallies, due } = observe({ ...state, patternTallies }, entry);
    const isCountedOn = tallies.size > 0 && i + 1 < entries.length;
    if (isCountedOn) patternTallies = new Map([...patternTallies, ...tallies]);
    all.push({ entry, isAlarm: false }, ...due.map(alarm));
  }
  return all;
}
