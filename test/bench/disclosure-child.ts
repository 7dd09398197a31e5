import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { keepHeapSmall, silentLogger, systemClock } from '#shared/runtime';
import { addressOf, disclosureSizes } from './disclosure-sizes.ts';
import { probePrefix } from './kafka-latency-log.ts';
import { openLook } from './kafka-look.ts';

/*
 * Child process of the benchmark: the embedded default (`griffie start`) over a filled data folder, following
 * a log that may grow meanwhile. Discloses each size in turn, from the request to the sealed package, and
 * looks for probes until it saw as many as it is told on standard input.
 * Arguments: the data folder, the log, milliseconds from ready to the first request, the sizes.
 */

keepHeapSmall();
const { publicUrlOf } = await import('#services/disclosure');
const { keyFolderIn, standaloneConfigSchema, startStandalone } = await import('#services/standalone');
// It brings the services along, too.
const { askStatus } = await import('../../services/cli/status-socket.ts');
const { makeAdministrators, putOrderInForce } = await import('../support/people-over-http.ts');

const [folder = '', log = '', warmUpMs = '0', ...sizes] = process.argv.slice(2);
const lookEveryMs = 100;
const patienceMs = 60_000;

const config = standaloneConfigSchema.parse({
  dataFolder: folder,
  listen: '127.0.0.1:18437',
  sources: [{ kind: 'file', id: 'bench', path: log, timeZone: 'UTC' }],
});
/** The first start over these data counts each day that is held: once, and not while they are disclosed. */
async function firstRoundEnded(): Promise<void> {
  const status = z.object({ diskKeys: z.array(z.unknown()) });
  while ((await askStatus(folder, '/retention', status)).diskKeys.length === 0) await sleep(100);
}

const administrators = await makeAdministrators(publicUrlOf(config), keyFolderIn(folder));
const standalone = await startStandalone(config, { clock: systemClock, logger: silentLogger });
const addresses = disclosureSizes.map(addressOf);
const { officer, orderId } = await putOrderInForce(standalone.url, administrators, addresses);
await firstRoundEnded();
await sleep(3_000);

const idle = process.memoryUsage.rss();
let peak = idle;
const sampler = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 20);
process.stdout.write('ready\n');

const look = await openLook(join(folder, 'engine'));
const seen = new Map<string, number>();
let expected: { readonly probes: number } | undefined;
const told = text(process.stdin).then((json) => {
  expected = JSON.parse(json);
});

async function lookForProbes(): Promise<void> {
  // Of the last seconds alone, and on one core: what looks takes as little as may be of what is measured.
  const query = `SELECT recipientAddress AS probe FROM traffic
    WHERE collectedAt > now64(3) - 10 AND occurredAt > now64(3) - 20 AND startsWith(recipientAddress, '${probePrefix}')
    SETTINGS max_threads = 1`;
  while (expected === undefined || seen.size < expected.probes) {
    const found = await look.rows<{ probe: string }>(query);
    const at = Date.now();
    for (const { probe } of found) if (!seen.has(probe)) seen.set(probe, at);
    await sleep(lookEveryMs);
  }
}
/** Where nothing is written there is nothing to look for. */
const looking = Number(warmUpMs) > 0 ? lookForProbes() : Promise.resolve();

await sleep(Number(warmUpMs));
const warm = peak;
const disclosures = [];
for (const size of sizes.map(Number)) {
  const requestedAt = Date.now();
  const scope = { targets: [{ kind: 'address', value: addressOf(size) }] };
  const { disclosureId } = await officer.call('POST', '/v1/disclosures', { orderId, scope });
  const sealed = join(folder, 'packages', `${String(disclosureId)}.sealed`);
  while (!existsSync(sealed)) await sleep(5);
  const sealedAt = Date.now();
  const { records } = await officer.call('GET', `/v1/disclosures/${String(disclosureId)}`);
  if (records !== size) throw new Error(`${String(records)} of ${size} records were released`);
  disclosures.push({ size, requestedAt, sealedAt });
}
clearInterval(sampler);
const report = { disclosures, idleBytes: idle, warmBytes: warm, peakBytes: peak };
await told;
await Promise.race([looking, sleep(patienceMs)]);
look.close();
await standalone.stop();
process.stdout.write(`${JSON.stringify({ ...report, seen: [...seen] })}\n`);
process.exit(0);
