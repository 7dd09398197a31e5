import { Certificate, ContentInfo, id_ContentType_SignedData, SignedData } from 'pkijs';
import type { TrustAnchors } from './anchors.ts';
import type { DocumentSignature, SignatureReason } from './signature.ts';

/** Signers of one CMS that are looked at. */
const maxSigners = 4;
/** SHA-256, SHA-384, SHA-512 (RFC 5754). */
const digests: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
]);
/** Bits of the extension keyUsage (RFC 5280, 4.2.1.3): digitalSignature, contentCommitment. */
const signingBits = 0b1100_0000;
const keyUsageOid = '2.5.29.15';

const invalid = (reason: SignatureReason): DocumentSignature => ({ state: 'invalid', reason });
const indeterminate = (reason: SignatureReason): DocumentSignature => ({ state: 'indeterminate', reason });

/**
 * Judges a CMS signature (RFC 5652): every signer's signature must be right, and each certificate lead to an
 * anchor by certificates that were valid at `at`.
 * @param detached the bytes that it is about; null where it holds them itself
 */
export async function checkCms(
  der: Uint8Array,
  detached: Uint8Array | null,
  anchors: TrustAnchors,
  at: number,
): Promise<DocumentSignature> {
  const signed = parse(der);
  if (signed === null) return invalid('signature.malformed');
  const hasContent = signed.encapContentInfo.eContent !== undefined;
  if (detached === null && !hasContent) return indeterminate('signature.no_content');
  // A signature that brings its own content would be right about that, and about nothing in the document.
  if (detached !== null && hasContent) return invalid('signature.malformed');
  const { signerInfos } = signed;
  if (signerInfos.length === 0) return invalid('signature.malformed');
  const isSupported =
    signerInfos.length <= maxSigners &&
    signerInfos.every(({ digestAlgorithm }) => digests.has(digestAlgorithm.algorithmId));
  if (!isSupported) return indeterminate('signature.unsupported');
  const data: Pick<VerifyParameters, 'data'> =
    detached === null ? {} : { data: new Uint8Array(detached).buffer };
  const trustedCerts = anchors.certificates.map((one) => Certificate.fromBER(new Uint8Array(one).buffer));
  const signers: string[] = [];
  let trusted = anchors.certificates.length > 0;
  for (const [signer] of signerInfos.entries()) {
    const found = await verified(signed, { signer, ...data });
    if (found === null) return invalid('signature.wrong');
    signers.push(subjectOf(found));
    trusted &&=
      maySign(found) && (await leads(signed, { signer, ...data, trustedCerts, checkDate: new Date(at) }));
  }
  if (trusted) return { state: 'valid', signers };
  const reason = anchors.certificates.length === 0 ? 'signature.no_anchors' : 'signature.not_trusted';
  return { state: 'indeterminate', reason, signers };
}

interface VerifyParameters {
  readonly signer: number;
  readonly data?: ArrayBuffer;
  readonly trustedCerts?: Certificate[];
  readonly checkDate?: Date;
}

function parse(der: Uint8Array): SignedData | null {
  try {
    const info = ContentInfo.fromBER(new Uint8Array(der).buffer);
    return info.contentType === id_ContentType_SignedData ? new SignedData({ schema: info.content }) : null;
  } catch {
    return null;
  }
}

/** The signer's certificate, where the signature over the content is by its key. */
async function verified(signed: SignedData, parameters: VerifyParameters): Promise<Certificate | null> {
  try {
    const result = await signed.verify({ ...parameters, checkChain: false, extendedMode: true });
    return result.signatureVerified === true ? (result.signerCertificate ?? null) : null;
  } catch {
    return null;
  }
}

async function leads(signed: SignedData, parameters: VerifyParameters): Promise<boolean> {
  try {
    const result = await signed.verify({ ...parameters, checkChain: true, extendedMode: true });
    return result.signatureVerified === true && result.signerCertificateVerified === true;
  } catch {
    return false;
  }
}

/** Whether the certificate is for signing documents, as far as it says what it is for. */
function maySign({ extensions = [] }: Certificate): boolean {
  const usage = extensions.find(({ extnID }) => extnID === keyUsageOid)?.parsedValue;
  if (usage === undefined) return true;
  const [bits = 0] = new Uint8Array(usage.valueBlock?.valueHexView ?? []);
  return (bits & signingBits) !== 0;
}

function subjectOf({ subject }: Certificate): string {
  const values = subject.typesAndValues.map(({ value }) => String(value.valueBlock.value));
  return values.join(', ').slice(0, 200);
}
