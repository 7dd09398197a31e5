export { caseKeyFile, findCaseKey } from './case-key.ts';
export { CaseFileError, type CaseFileErrorCode, MasterKeyError } from './errors.ts';
export {
  type CaseFiles,
  caseFilePath,
  openCaseFiles,
  RewrapError,
  readCaseKey,
  rewrapCases,
  sealedNames,
} from './folder.ts';
export {
  createMasterKey,
  generateMasterKey,
  isMasterKeyText,
  type MasterKey,
  masterKeyId,
} from './master-key.ts';
export { masterKeyFileText, readMasterKeyFile, rotateMasterKeyFile } from './master-key-file.ts';
export { openCaseFile } from './sealed-file.ts';
