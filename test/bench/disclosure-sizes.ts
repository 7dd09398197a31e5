/** Records of the disclosures that are measured; an address for each has just so many. */
export const disclosureSizes = [1, 1_000, 100_000, 1_000_000] as const;

export const addressOf = (size: number): string => `size-${size}@example.nl`;
