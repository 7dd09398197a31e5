/** Media types of what a package can hold, in one place. */
export const mediaTypes = {
  package: 'application/x-tar',
  records: 'application/x-ndjson',
  report: 'application/pdf',
} as const;

/** Names of a package's members, in the order in which they stand in the tar file. */
export const memberNames = {
  manifest: 'manifest.jws.age',
  /** @param number from 1 */
  records: (number: number): string => `parts/${String(number).padStart(4, '0')}.ndjson.age`,
  report: 'parts/report.pdf.age',
  receipt: 'manifest.tlog-proof',
  verifyText: 'VERIFY.txt',
} as const;

const recordsName = /^parts\/\d{4}\.ndjson\.age$/;

/** Whether a package may have a member of this name. Nothing else is ever written to a disk. */
export function isMemberName(name: string): boolean {
  const fixed: readonly string[] = [
    memberNames.manifest,
    memberNames.report,
    memberNames.receipt,
    memberNames.verifyText,
  ];
  return fixed.includes(name) || recordsName.test(name);
}

/** Every member of a package with this many parts of records, in order. */
export function memberSequence(recordParts: number): string[] {
  return [memberNames.manifest, ...partSequence(recordParts), memberNames.receipt, memberNames.verifyText];
}

/** Its parts, in the order in which the manifest names them. */
export function partSequence(recordParts: number): string[] {
  const numbered = Array.from({ length: recordParts }, (_, index) => memberNames.records(index + 1));
  return [...numbered, memberNames.report];
}

/** Name of the decrypted file: the member's without `.age`. */
export function plaintextName(member: string): string {
  return member.replace(/\.age$/, '');
}
