import type { Written } from '#shared/disclosure-package';

/** How far a package is: counts alone, of what is encrypted so far. */
export type ReleaseProgress = Written;

export const nothingYet: ReleaseProgress = { records: 0, bytes: 0 };
