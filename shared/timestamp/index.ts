export { readAnchors } from './anchors.ts';
export { timestampMediaTypes, timestampRequest } from './request.ts';
export { type TimestampRefusal, type VerifiedTimestamp, verifyTimestamp } from './verify.ts';
