/** Roles of people. A credential has exactly one; the sets of what they may do are disjoint where it matters. */
export const roles = ['administrator', 'registrar', 'reviewer', 'officer', 'auditor'] as const;
export type Role = (typeof roles)[number];
