import type { TrustAnchors } from './anchors.ts';
import type { DocumentMediaType } from './media-type.ts';
import { type PdfSignature, pdfSignatures } from './pdf.ts';

/** Whether a document's own signature holds. `indeterminate`: it can be told neither way. */
export type SignatureState = 'valid' | 'invalid' | 'unsigned' | 'indeterminate';

/** Why a signature is not valid. Recorded in the ledger. */
export type SignatureReason =
  /** Its bytes are not those that were signed, or the signature is not by its certificate. */
  | 'signature.wrong'
  /** It is of no form that the standards know. */
  | 'signature.malformed'
  /** Something was added to the document after the last signature. */
  | 'signature.changed_after'
  /** A digest or kind of signature that is not judged here. */
  | 'signature.unsupported'
  /** It is right, and no anchors are configured that it could lead to. */
  | 'signature.no_anchors'
  /** It is right, and leads to no anchor by certificates that were valid at receipt. */
  | 'signature.not_trusted'
  /** There is no content that it is about. */
  | 'signature.no_content'
  /** XML signatures are not judged here. */
  | 'signature.xml';

export interface DocumentSignature {
  readonly state: SignatureState;
  readonly reason?: SignatureReason;
  /** Subjects of the signers' certificates as they say it: for the case file, never the ledger. */
  readonly signers?: string[];
}

const worst: readonly SignatureState[] = ['invalid', 'indeterminate', 'unsigned', 'valid'];

/**
 * Judges the signature that a document bears. Nothing is assumed: what cannot be judged is indeterminate.
 * Revocation is not asked for; the certificates' validity is held against `at`.
 * @param bytes of this media type by their content, see `mediaTypeOf`
 * @param at milliseconds since the epoch, of the receipt
 */
export async function checkDocumentSignature(
  mediaType: DocumentMediaType,
  bytes: Uint8Array,
  anchors: TrustAnchors,
  at: number,
): Promise<DocumentSignature> {
  if (mediaType === 'application/xml') return xmlSignature(bytes);
  // Loaded where it is needed, so that people's commands stay quick.
  const { checkCms } = await import('./cms.ts');
  if (mediaType === 'application/pkcs7-mime') return checkCms(bytes, null, anchors, at);
  const found = pdfSignatures(bytes);
  if (!found.ok)
    return {
      state: found.reason === 'signature.malformed' ? 'invalid' : 'indeterminate',
      reason: found.reason,
    };
  if (found.signatures.length === 0) return { state: 'unsigned' };
  const judged: DocumentSignature[] = [];
  for (const signature of found.signatures) judged.push(await judge(signature));
  return whole(judged);

  function judge({ cms, signedBytes }: PdfSignature): Promise<DocumentSignature> {
    return checkCms(cms, signedBytes, anchors, at);
  }
}

/** A document is as good as the worst of its signatures. */
function whole(judged: readonly DocumentSignature[]): DocumentSignature {
  const state = worst.find((one) => judged.some((found) => found.state === one)) ?? 'indeterminate';
  const reason = judged.find((found) => found.state === state)?.reason;
  const signers = judged.flatMap((found) => found.signers ?? []);
  return { state, ...(reason ? { reason } : {}), ...(signers.length > 0 ? { signers } : {}) };
}

function xmlSignature(bytes: Uint8Array): DocumentSignature {
  const isSigned = Buffer.from(bytes).includes('http://www.w3.org/2000/09/xmldsig#');
  return isSigned ? { state: 'indeterminate', reason: 'signature.xml' } : { state: 'unsigned' };
}
