/** What an order's document may be. */
export const documentMediaTypes = ['application/pdf', 'application/xml', 'application/pkcs7-mime'] as const;
export type DocumentMediaType = (typeof documentMediaTypes)[number];

/** Bytes at the end of a PDF that its trailer lies in (ISO 32000-1, annex H.3, note 18). */
const trailerBytes = 1024;
/** DER of the object identifier id-signedData (RFC 5652, section 5.1). */
const signedDataOid = Buffer.from('06092a864886f70d010702', 'hex');

/**
 * What a document is, by its content: its first bytes and the structure around them, never a name. Null where
 * it is none of those that are taken.
 */
export function mediaTypeOf(bytes: Uint8Array): DocumentMediaType | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isPdf(buffer)) return 'application/pdf';
  if (isSignedData(buffer)) return 'application/pkcs7-mime';
  return isXml(buffer) ? 'application/xml' : null;
}

/** ISO 32000-2, 7.5.2 and 7.5.5: a header with a version, and at the end the place of the cross-references. */
function isPdf(bytes: Buffer): boolean {
  if (!/^%PDF-[12]\.\d[\r\n]/.test(bytes.toString('latin1', 0, 9))) return false;
  const end = bytes.toString('latin1', Math.max(0, bytes.length - trailerBytes));
  return /startxref\s+\d{1,10}\s+%%EOF\s*$/.test(end);
}

/** One ContentInfo of signed data in DER, and nothing after it. */
function isSignedData(bytes: Buffer): boolean {
  if (bytes.length < 16 || bytes[0] !== 0x30) return false;
  const first = bytes.readUInt8(1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || first === 0x80) return false;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const begin = 2 + lengthBytes;
  return begin + length === bytes.length && bytes.subarray(begin).indexOf(signedDataOid) === 0;
}

/** UTF-8 text that begins as an XML document does, without a DTD: entities could make it anything. */
function isXml(bytes: Buffer): boolean {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return false;
  }
  return /^\s*<(\?xml\s|!--|[A-Za-z_])/.test(text) && />\s*$/.test(text) && !/<!(DOCTYPE|ENTITY)/i.test(text);
}
