export { authoritiesWithoutList, type ListFigures } from './figures.ts';
export { type KeptLists, noLists, openKeptLists } from './kept-lists.ts';
export { requiredAuthorities } from './required.ts';
export { createRevocation, type Revocation } from './revocation.ts';
export { type RevocationSettings, revocationSettingsSchema, revocationVariables } from './settings.ts';
