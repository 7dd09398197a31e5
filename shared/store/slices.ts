/*
 * A large scope is read in slices of time, one after another: a slice's rows are few enough to be sorted in
 * memory, and only the days that it lies in are open. Reading a window of 180 days in the table's own order
 * keeps a block of every column of every day in memory instead (690 MB were seen, and 130 MB in slices).
 */

/** A window of time. RFC 3339 UTC with milliseconds; `to` is the first instant after it. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

export interface Slice extends Window {
  /** Rows counted in it, copies included. */
  readonly rows: number;
}

/** Rows in an interval; `slot` counts intervals from the window's beginning. */
export interface Spread {
  readonly slot: number;
  readonly rows: number;
}

/** Counts rows by intervals of a window, in the order of time; intervals without any may be left out. */
export type CountSpread = (window: Window, widthMs: number) => Promise<readonly Spread[]>;

export interface SliceBounds {
  /** Rows of one slice, unless they all lie in one millisecond. */
  readonly rows: number;
  /** Intervals that a window is cut into for counting. */
  readonly slots: number;
}

export const sliceBounds: SliceBounds = { rows: 32_768, slots: 16_384 };

/** Where a slice begins, milliseconds since the epoch, and how many rows it has. */
interface Start {
  readonly at: number;
  rows: number;
}

/**
 * The slices of a window, in the order of time: they cover it without a gap or an overlap, whatever was
 * counted, so that what comes into the store meanwhile belongs to one of them.
 * @param count is asked again, more finely, about an interval that holds more than one slice may
 */
export async function slicesOf(
  window: Window,
  count: CountSpread,
  bounds: SliceBounds = sliceBounds,
): Promise<Slice[]> {
  const starts = await startsOf(Date.parse(window.from), Date.parse(window.to), count, bounds);
  return starts.map(({ at, rows }, index) => ({
    from: index === 0 ? window.from : utc(at),
    to: index === starts.length - 1 ? window.to : utc(starts[index + 1]?.at ?? at),
    rows,
  }));
}

async function startsOf(
  begin: number,
  end: number,
  count: CountSpread,
  bounds: SliceBounds,
): Promise<Start[]> {
  const width = Math.max(1, Math.ceil((end - begin) / bounds.slots));
  const starts: Start[] = [];
  for (const { slot, rows } of await count({ from: utc(begin), to: utc(end) }, width)) {
    const at = begin + slot * width;
    const last = starts.at(-1);
    if (rows > bounds.rows && width > 1) {
      starts.push(...(await startsOf(at, Math.min(at + width, end), count, bounds)));
    } else if (last === undefined || last.rows + rows > bounds.rows) starts.push({ at, rows });
    else last.rows += rows;
  }
  return starts.length > 0 ? starts : [{ at: begin, rows: 0 }];
}

const utc = (milliseconds: number): string => new Date(milliseconds).toISOString();
