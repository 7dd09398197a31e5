/** Why a package is refused → what the person who received it can do. Nothing of a refused package is kept. */
export const packageRefusals = {
  'package.identity': 'Give the age identity (AGE-SECRET-KEY-1…) of a key that the order named as recipient.',
  'package.structure': 'The file is damaged or no package of Griffie; fetch it again.',
  'package.too_large': 'A member is larger than a package allows; fetch the package again.',
  'package.undecryptable':
    'A member is damaged, or not encrypted to this identity; fetch it again, or use the identity that the order named.',
  'package.manifest_malformed':
    'The manifest is no signed manifest in the form that Griffie writes; report this.',
  'package.manifest_key':
    'The manifest names another key than the disclosure key that you gave; report this.',
  'package.manifest_signature': 'The manifest was not signed by the disclosure key; report this.',
  'package.member_missing':
    'The manifest names a member that is not in the file; fetch it again, then report this.',
  'package.member_unexpected': 'The file holds a member that the manifest does not name; report this.',
  'package.member_order': 'The members stand in another order than the manifest names; report this.',
  'package.part_altered': 'A part is not what the manifest says; fetch the package again, then report this.',
  'package.verify_text_altered': 'VERIFY.txt is not the text that the manifest names; report this.',
} as const satisfies Record<string, string>;

export type PackageRefusalCode = keyof typeof packageRefusals;

export interface PackageRefusal {
  readonly ok: false;
  readonly code: PackageRefusalCode;
  /** The member that it is about; only ever one of our own names. */
  readonly member?: string;
}

export function refusePackage(code: PackageRefusalCode, member?: string): PackageRefusal {
  return { ok: false, code, ...(member === undefined ? {} : { member }) };
}
