export { type StandaloneConfig, type StandaloneConfigInput, standaloneConfigSchema } from './config.ts';
export { ConfigError, runStandalone, type StartIo, type StartOptions } from './run.ts';
export { keyFolderIn, layout, type Standalone, type StandaloneDeps, startStandalone } from './standalone.ts';
