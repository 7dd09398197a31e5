import { type ControlState, emptyState } from './state.ts';

/*
 * The control state as text, a line for each member or for each element of a map, so that a large one can be
 * written and read in pieces. Members are found at run time: one that is added to `ControlState` later is
 * kept without a change here, as long as it is a map or a JSON value.
 */

/**
 * Version of what the fold gives. Raise it whenever the same entries lead to another state: what was written
 * under another version is not read (a test holds the state of a fixed history against it).
 */
export const stateVersion = 4;

type Member = keyof ControlState;
const members = Object.keys(emptyState()) as Member[];
const isMember = (name: unknown): name is Member => members.some((member) => member === name);

/** The state as it is now; what is folded afterwards does not change it. */
export function copyState(state: Readonly<ControlState>): ControlState {
  const copy: Record<string, unknown> = { ...state };
  // Values are replaced by the fold, never changed, so that the maps are all that must be copied.
  for (const member of members) if (state[member] instanceof Map) copy[member] = new Map(state[member]);
  return copy as unknown as ControlState;
}

/**
 * @yields lines without their newline
 * @throws TypeError for a state that holds something else than maps of JSON values and JSON values
 */
export function* encodeState(state: Readonly<ControlState>): Generator<string> {
  for (const member of members) {
    const value: unknown = state[member];
    if (!(value instanceof Map)) yield jsonOf([member, value]);
    else for (const [key, item] of value) yield jsonOf([member, key, item]);
  }
}

/**
 * Reads what `encodeState` wrote, in its order. It is for text that is known to be ours: the shape of the
 * values is not looked at.
 * @returns null for other lines
 */
export function decodeState(lines: Iterable<string>): ControlState | null {
  const state: Record<string, unknown> = {};
  for (const line of lines) {
    const parsed = parse(line);
    if (!Array.isArray(parsed)) return null;
    const [member, first, second] = parsed as unknown[];
    if (!isMember(member)) return null;
    if (!(emptyState()[member] instanceof Map)) {
      if (parsed.length !== 2 || member in state) return null;
      state[member] = first;
      continue;
    }
    state[member] ??= new Map();
    const map = state[member] as Map<unknown, unknown>;
    if (parsed.length !== 3 || map.has(first)) return null;
    map.set(first, second);
  }
  const empty = emptyState();
  for (const member of members) {
    if (member in state) continue;
    if (!(empty[member] instanceof Map)) return null;
    state[member] = empty[member];
  }
  return state as unknown as ControlState;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, name: string, converted: unknown) {
    const original = this[name];
    if (!isJson(original)) throw new TypeError(`the control state holds what JSON cannot, under ${name}`);
    return converted;
  });
}

/** Whether JSON gives the value back as it is. Members of its own are looked at in their turn. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null)
    return !['bigint', 'symbol', 'function'].includes(typeof value);
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
