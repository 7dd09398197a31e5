// The engine behind HTTP in a process of its own, for tests that kill its clients or it. Prints its address.
// Arguments: the folder, and options as JSON (HttpEngineOptions). SIGTERM ends it.
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const loader = await createViteServer({
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true, include: [] },
});
const { startHttpEngine } = await loader.ssrLoadModule(
  fileURLToPath(new URL('./http-engine.ts', import.meta.url)),
);
const [folder, options = '{}'] = process.argv.slice(2);
const engine = await startHttpEngine(folder, JSON.parse(options));
process.once('SIGTERM', () => void engine.close().then(() => process.exit(0)));
process.stdout.write(`${engine.url}\n`);
