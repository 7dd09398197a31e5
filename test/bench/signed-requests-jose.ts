import { compactVerify, importJWK } from 'jose';
import { generateKey, signRequest } from '#shared/signed-request';
import { askedPath, servicePort } from './signed-requests-kinds.ts';

/*
 * Child process of the benchmark: what jose verifies of the same requests when nothing else is done, one after the
 * other. Arguments: kind of key, how many.
 */

const [kind = 'ES256', count = '0'] = process.argv.slice(2);
const key = await generateKey(kind as 'ES256');
const url = `http://127.0.0.1:${servicePort}`;
const proof = await signRequest({
  privateKey: key.privateKey,
  alg: key.alg,
  kid: key.kid,
  credentialId: 'es256-0',
  audience: url,
  method: 'GET',
  url: url + askedPath,
  body: new Uint8Array(),
  nowSeconds: Math.floor(Date.now() / 1000),
});
const publicKey = await importJWK({ ...key.publicJwk }, key.alg);
const verify = async (times: number): Promise<void> => {
  for (let i = 0; i < times; i++) await compactVerify(proof, publicKey);
};
await verify(Math.ceil(Number(count) / 10));
const started = performance.now();
await verify(Number(count));
const rate = (Number(count) / (performance.now() - started)) * 1000;
process.stdout.write(`${JSON.stringify({ rate })}\n`);
