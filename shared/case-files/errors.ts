/** What can be wrong with a case file that the ledger speaks of. Stable names. */
export type CaseFileErrorCode =
  /** It is not there, and no entry says that it was erased. */
  | 'case_file.missing'
  /** It is not the one that the ledger commits to, or was put in another's place. */
  | 'case_file.altered'
  /** The case's key is wrapped under a master key that is not here. */
  | 'case_file.locked'
  /** The case was erased: there is nothing to read any more. */
  | 'case_file.erased';

const sentences: Readonly<Record<CaseFileErrorCode, string>> = {
  'case_file.missing': 'a case file is missing',
  'case_file.altered': 'a case file is not the one recorded',
  'case_file.locked': 'a case file is under a master key that is not here',
  'case_file.erased': 'the case was erased',
};

/** A case file cannot be given out. Names no case, and nothing that it says. */
export class CaseFileError extends Error {
  readonly code: CaseFileErrorCode;
  constructor(code: CaseFileErrorCode) {
    super(sentences[code]);
    this.name = 'CaseFileError';
    this.code = code;
  }
}

/** Text that should hold master keys, and does not; the message never quotes it. */
export class MasterKeyError extends Error {
  readonly code = 'master_key.unusable';
  constructor(why: string) {
    super(`the master keys of the case files ${why}`);
    this.name = 'MasterKeyError';
  }
}
