export { type Clock, systemClock, utc } from './clock.ts';
export { makePrivateFolder, privateModes, syncFolder, writeFileDurably } from './files.ts';
export { keepHeapSmall } from './heap.ts';
export { createLogger, type Logger, type LogMembers, silentLogger } from './logging.ts';
export { Mutex } from './mutex.ts';
export { parseStrictJson, type StrictJsonResult } from './strict-json.ts';
export { packageRoot, softwareVersion } from './version.ts';
