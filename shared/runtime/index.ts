export { type Clock, systemClock, utc } from './clock.ts';
export {
  type Environment,
  nested,
  type Outcome,
  readEnvironment,
  settingsFrom,
  type Variable,
} from './environment.ts';
export { codeOf } from './error-code.ts';
export {
  makePrivateFolder,
  privateModes,
  syncFolder,
  writeFileDurably,
  writeFileSynced,
} from './files.ts';
export { type FolderLock, lockFolder } from './folder-lock.ts';
export { type CheckResult, Condition, createHealth, type Health, keepAsking } from './health.ts';
export { type HealthServer, serveHealth } from './health-server.ts';
export { collectGarbage, keepHeapSmall, startThread } from './heap.ts';
export { listenOn } from './listen.ts';
export { isLoopback, type ListenAddress, listenAddressSchema } from './listen-address.ts';
export { ListenError } from './listen-error.ts';
export { createLogger, type Logger, type LogLevel, type LogMembers, silentLogger } from './logging.ts';
export { addCounter, addGauge, createMetrics, type MetricOptions, type Sample } from './metrics.ts';
export { Mutex } from './mutex.ts';
export { untilReady, type WaitOptions } from './retry.ts';
export { type ProcessHost, runService, serviceExitCodes, stopMs } from './run-service.ts';
export {
  type CommonSettings,
  commonSettings,
  commonVariables,
  type RunningService,
  type ServiceContext,
  type ServiceDefinition,
} from './service.ts';
export { parseStrictJson, type StrictJsonResult } from './strict-json.ts';
export { usageOf } from './usage.ts';
export { isForeign, ownPrefixes, variableNames } from './variable-names.ts';
export { packageRoot, softwareVersion } from './version.ts';
