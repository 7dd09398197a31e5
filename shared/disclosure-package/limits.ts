/** Bounds of a package. The writer keeps to them and the reader refuses what is beyond them. */
export const packageLimits = {
  /** Plaintext of one part of records. */
  partBytes: 64 * 1024 * 1024,
  parts: 9999,
  recipients: 16,
  /** Plaintext of the written report. */
  reportBytes: 64 * 1024 * 1024,
  /** Compact JWS; 9,999 parts need about 5 MiB. */
  manifestBytes: 16 * 1024 * 1024,
  /** A ledger entry of 65,535 bytes as base64, and its proof. */
  receiptBytes: 128 * 1024,
  verifyTextBytes: 64 * 1024,
  /** What age adds to a file of these sizes: its header, and 16 bytes in every 64 KiB. */
  encryptionBytes: (plaintext: number): number => 16 * 1024 + Math.ceil(plaintext / 4096),
  /** Records that the written report shows; all of them are in the numbered parts. */
  recordsInReport: 500,
} as const;
