import { actorRoles } from '#shared/ledger';

/** Roles of people. A credential has exactly one; the sets of what they may do are disjoint where it matters. */
export const roles = actorRoles;
export type Role = (typeof roles)[number];
