import { createHash } from 'node:crypto';
import { z } from 'zod';
import { proofHeader, signRequest } from '#shared/signed-request';
import { openCredential } from '../credential-file.ts';
import type { CliIo } from '../io.ts';
import { demoFault, type Stage } from './stage.ts';

const problem = z.object({ code: z.string().optional(), detail: z.string().optional() });

/** What the command line never does: sends requests over the public API that an attacker could send. */
export async function attack(
  io: CliIo,
  stage: Stage,
  credentialFile: string,
  orderId: string,
): Promise<void> {
  const { credentialId, service, key } = await openCredential(io, credentialFile);
  const url = `${service}/v1/disclosures`;
  const honest = Buffer.from(JSON.stringify({ orderId, scope: { categories: ['session'] } }));

  const sign = () =>
    signRequest({
      privateKey: key.privateKey,
      alg: key.alg,
      kid: key.kid,
      credentialId,
      audience: service,
      method: 'POST',
      url,
      body: honest,
      nowSeconds: Math.floor(io.now() / 1000),
    });

  async function send(proof: string, body: Uint8Array): Promise<string> {
    const headers = { 'content-type': 'application/json', [proofHeader]: proof };
    const response = await io.fetch(url, { method: 'POST', headers, body });
    const answer = problem.parse(await response.json());
    return response.ok ? 'accepted' : `refused (${answer.code}): ${answer.detail}`;
  }

  async function expect(what: string, outcome: string, code: string): Promise<void> {
    if (!outcome.includes(code)) throw demoFault(`${what} should have ended in ${code}: ${outcome}`);
    await stage.say(`    attacker: ${what}`);
    await stage.say(`      ${outcome}`);
  }

  const altered = Buffer.from(JSON.stringify({ orderId, scope: { categories: ['sender', 'recipient'] } }));
  await expect(
    'alters the body of a signed request on its way',
    await send(await sign(), altered),
    'proof.body',
  );
  const proof = await sign();
  if ((await send(proof, honest)) !== 'accepted') throw demoFault('an honest request was refused');
  await expect('sends a request of the officer a second time', await send(proof, honest), 'proof.replayed');
  const forged = `${proof.split('.').slice(0, 2).join('.')}.${createHash('sha512').update(proof).digest('base64url')}`;
  await expect(
    'signs with a key of their own under the name of the officer',
    await send(forged, honest),
    'proof.signature',
  );
}
