import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { importPrivateJwk } from '#shared/signed-request';
import { signCall } from '../support/signed-call.ts';
import { type Asker, askedPath, askersFile, barePort, servicePort } from './signed-requests-kinds.ts';

/*
 * Child process of the benchmark: callers that each send a request, wait for its whole answer, and send the next,
 * over a connection that stays open. Prints the rate and the 99th of 100 as one JSON line.
 * Arguments: callers, requests, and for signed ones the data folder of the service and the kind of key.
 */

const [callers = 1, requests = 0] = process.argv.slice(2, 4).map(Number);
const [folder, kind] = process.argv.slice(4);
const port = folder === undefined ? barePort : servicePort;
const url = `http://127.0.0.1:${port}`;

/** Signed now, so that none is stale when it is sent. */
async function proofs(dataFolder: string): Promise<string[]> {
  const askers = (JSON.parse(await readFile(askersFile(dataFolder), 'utf8')) as Asker[]).filter(
    (asker) => asker.kind === kind,
  );
  const keys = await Promise.all(askers.map(({ privateKey }) => importPrivateJwk(privateKey)));
  const made: string[] = [];
  for (let i = 0; i < requests; i++) {
    const [asker, key] = [askers[i % askers.length], keys[i % keys.length]];
    if (!asker || !key) throw new Error('nobody has a key of this kind');
    const { credentialId } = asker;
    made.push(await signCall({ key, credentialId }, url, { method: 'GET', path: askedPath }, Date.now()));
  }
  return made;
}

const waiting = folder === undefined ? Array.from({ length: requests }, () => '') : await proofs(folder);
const agent = new Agent({ keepAlive: true, maxSockets: callers });
const times: number[] = [];

function ask(proof: string): Promise<void> {
  const headers = proof === '' ? {} : { 'griffie-proof': proof };
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: askedPath, headers, agent }, (answer) => {
      answer.resume().once('end', () => {
        times.push(performance.now() - began);
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`answered ${answer.statusCode}`));
      });
    });
    sent.once('error', reject).end();
  });
}

async function call(): Promise<void> {
  for (let proof = waiting.pop(); proof !== undefined; proof = waiting.pop()) await ask(proof);
}

const started = performance.now();
await Promise.all(Array.from({ length: callers }, call));
const seconds = (performance.now() - started) / 1000;
agent.destroy();
const p99Ms = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
process.stdout.write(`${JSON.stringify({ rate: times.length / seconds, p99Ms })}\n`);
