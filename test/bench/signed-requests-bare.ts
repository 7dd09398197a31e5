import { text } from 'node:stream/consumers';
import fastify from 'fastify';
import { askedPath, barePort } from './signed-requests-kinds.ts';

/* Child process of the benchmark: Fastify alone, which answers anybody with a list as long as the service's. */

const order = {
  orderId: '01890000-0000-7000-8000-000000000000',
  version: 1,
  status: 'Approved',
  regime: 'NL_DOMESTIC',
  type: 'produce',
  issuingState: 'NL',
  categories: ['sender', 'recipient', 'session', 'retrievalIp', 'service', 'originHost', 'deliveryHost'],
  targetCount: 1,
  emergency: false,
  receivedAt: '2026-11-28T07:00:00.000Z',
  validUntil: '2026-12-28T07:00:00.000Z',
  recordedAt: '2026-11-28T07:00:00.000Z',
  decidedAt: '2026-11-28T07:00:00.000Z',
};
const app = fastify({ logger: false });
app.get(askedPath, async () => ({ items: [order], truncated: false }));
await app.listen({ host: '127.0.0.1', port: barePort });
process.stdout.write('ready\n');
await text(process.stdin);
await app.close();
process.stdout.write('{}\n');
process.exit(0);
