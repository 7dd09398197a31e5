import type { SignatureReason } from './signature.ts';

/** A signature in a PDF: its CMS in DER, and the bytes that it is about. */
export interface PdfSignature {
  readonly cms: Uint8Array;
  readonly signedBytes: Uint8Array;
}

export type PdfSignatures =
  | { readonly ok: true; readonly signatures: readonly PdfSignature[] }
  | { readonly ok: false; readonly reason: SignatureReason };

/** Bounds on what is looked at: signatures of one document, and bytes of one. */
const bounds = { signatures: 8, cmsBytes: 256 * 1024 } as const;

const byteRange = /\/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]/g;
/** Filters under which the CMS is detached and about the bytes themselves (ISO 32000-2, table 255; PAdES). */
const filters = ['adbe.pkcs7.detached', 'ETSI.CAdES.detached'];

/**
 * The signatures of a PDF (ISO 32000-2, 12.8.1): each is about all bytes from the first to the end of its
 * revision, but for the gap that holds it; the last one's revision is the whole file. Everything else is
 * refused: bytes outside a signature are what a forger changes.
 */
export function pdfSignatures(bytes: Uint8Array): PdfSignatures {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1');
  const ranges = [...text.matchAll(byteRange)].map((match) => match.slice(1).map(Number) as Range);
  if (ranges.length === 0) {
    // A signature whose range is written in another way is none that was looked at.
    return /\/ByteRange/.test(text)
      ? { ok: false, reason: 'signature.malformed' }
      : { ok: true, signatures: [] };
  }
  if (ranges.length > bounds.signatures) return { ok: false, reason: 'signature.unsupported' };
  const subFilters = [...text.matchAll(/\/SubFilter\s*\/([A-Za-z0-9.]{1,64})/g)].map(
    ([, name]) => name ?? '',
  );
  if (subFilters.length !== ranges.length || !subFilters.every((name) => filters.includes(name))) {
    return { ok: false, reason: 'signature.unsupported' };
  }
  const signatures: PdfSignature[] = [];
  for (const range of ranges) {
    const signature = read(buffer, range);
    if (signature === null) return { ok: false, reason: 'signature.malformed' };
    signatures.push(signature);
  }
  const end = Math.max(...ranges.map(endOf));
  return end === buffer.length ? { ok: true, signatures } : { ok: false, reason: 'signature.changed_after' };
}

/** Offset and length before the gap, and of what follows it. */
type Range = [number, number, number, number];
const endOf = ([, , after, length]: Range): number => after + length;

function read(buffer: Buffer, range: Range): PdfSignature | null {
  const [start, length, after] = range;
  if (start !== 0 || after <= length || endOf(range) > buffer.length) return null;
  // The gap is the signature in hexadecimal between its brackets, and nothing else.
  const gap = buffer.toString('latin1', length, after);
  if (gap.length > 2 * bounds.cmsBytes || !/^<(?:[0-9A-Fa-f]{2})+>$/.test(gap)) return null;
  const padded = Buffer.from(gap.slice(1, -1), 'hex');
  const cms = withoutPadding(padded);
  if (cms === null) return null;
  const signedBytes = Buffer.concat([buffer.subarray(0, length), buffer.subarray(after, endOf(range))]);
  return { cms, signedBytes };
}

/** The DER value at the beginning, where nothing but zeros follows it. */
function withoutPadding(padded: Buffer): Buffer | null {
  if (padded.length < 4 || padded[0] !== 0x30) return null;
  const first = padded.readUInt8(1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4 || padded.length < 2 + lengthBytes) return null;
  const length = lengthBytes === 0 ? first : padded.readUIntBE(2, lengthBytes);
  const end = 2 + lengthBytes + length;
  if (end > padded.length || padded.subarray(end).some((byte) => byte !== 0)) return null;
  return padded.subarray(0, end);
}
