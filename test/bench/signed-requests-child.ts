import { writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { keepHeapSmall, silentLogger, systemClock } from '#shared/runtime';
import { askersFile, perCredential, servicePort, signatureKinds } from './signed-requests-kinds.ts';

/*
 * Child process of the benchmark: the embedded default (`griffie start`) with an order, and officers of each kind
 * of key. Arguments: the data folder, requests of each kind that will be made.
 */

keepHeapSmall();
const { publicUrlOf } = await import('#services/disclosure');
const { keyFolderIn, standaloneConfigSchema, startStandalone } = await import('#services/standalone');
const { exportPrivateJwk, generateKey } = await import('#shared/signed-request');
const { enrolOver, makeAdministrators, putOrderInForce } = await import('../support/people-over-http.ts');

const [folder = '', requests = '0'] = process.argv.slice(2);
const config = standaloneConfigSchema.parse({ dataFolder: folder, listen: `127.0.0.1:${servicePort}` });
const administrators = await makeAdministrators(publicUrlOf(config), keyFolderIn(folder));
const standalone = await startStandalone(config, { clock: systemClock, logger: silentLogger });
await putOrderInForce(standalone.url, administrators, ['alice@example.nl']);
const askers = [];
for (const kind of signatureKinds) {
  for (let i = 0; i * perCredential < Number(requests); i++) {
    const credentialId = `${kind.toLowerCase()}-${i}`;
    const key = await generateKey(kind);
    await enrolOver(standalone.url, administrators, { key, credentialId, role: 'officer' });
    askers.push({ kind, credentialId, privateKey: await exportPrivateJwk(key) });
  }
}
await writeFile(askersFile(folder), JSON.stringify(askers), { mode: 0o600 });

const idleBytes = process.memoryUsage.rss();
let peakBytes = idleBytes;
const sampler = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 20);
process.stdout.write('ready\n');
await text(process.stdin);
clearInterval(sampler);
await standalone.stop();
process.stdout.write(`${JSON.stringify({ idleBytes, peakBytes })}\n`);
process.exit(0);
