export { RecordDigest } from './digest.ts';
export { type ReportContext, renderReport } from './render.ts';
