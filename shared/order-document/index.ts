export { AnchorFileError, readAnchors, type TrustAnchors } from './anchors.ts';
export { type DocumentMediaType, documentMediaTypes, mediaTypeOf } from './media-type.ts';
export {
  checkDocumentSignature,
  type DocumentSignature,
  type SignatureReason,
  type SignatureState,
} from './signature.ts';
