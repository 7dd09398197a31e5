export { readWitnessSettings, type WitnessSettings, witnessVariables } from './config.ts';
export { WitnessError, type WitnessErrorCode } from './errors.ts';
export { openWitnessFolder, type WitnessFolder } from './folder.ts';
export { witnessLimits } from './limits.ts';
export { witnessService } from './process.ts';
export { serveWitness, type WitnessServer } from './server.ts';
export { createWitness, type Witness, type WitnessAnswer, type WitnessFigures } from './witness.ts';
