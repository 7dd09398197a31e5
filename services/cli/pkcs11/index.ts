export { openTokenKey } from './key.ts';
export { isTokenUri, parseTokenUri, type TokenKey, tokenUri } from './uri.ts';
