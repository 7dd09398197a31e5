export type { FirstAdministrator } from './control/bootstrap.ts';
export { errorTable } from './errors.ts';
export { apiLimits } from './limits.ts';
export { createDisclosureService, type DisclosureDeps, type DisclosureService } from './service.ts';
