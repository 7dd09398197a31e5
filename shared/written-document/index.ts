export { showable } from './fonts.ts';
export { type Column, type PageFrame, PageWriter } from './page.ts';
