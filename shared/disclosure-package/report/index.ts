export { type ReportContext, renderReport } from './render.ts';
