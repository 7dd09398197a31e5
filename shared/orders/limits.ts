/** Bounds on what a person may write into an order. Lengths are characters. */
export const orderLimits = {
  targets: 100,
  targetCharacters: 1024,
  textCharacters: 2000,
  labelCharacters: 200,
  /** Longest window that one order may name, in days: the retention period cannot hold more. */
  documentBytes: 8 * 1024 * 1024,
  recipients: 8,
} as const;
