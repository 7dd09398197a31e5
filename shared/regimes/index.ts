export { loadRegimes, RegimeFileError, shippedRegimes } from './load.ts';
