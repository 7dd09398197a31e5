import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderBody, type Person, startTestService, type TestService } from '../support/test-service.ts';

/*
 * On the real port. Whoever attacks is 127.0.0.1, whoever has something to ask 127.0.0.2: Linux takes the
 * whole of 127/8 for this machine. Bounds on time are wide, because the machine may be busy.
 */
const honest = '127.0.0.2';

let t: TestService;
let port: number;
let officer: Person;
let registrar: Person;
beforeAll(async () => {
  t = await startTestService();
  port = await t.service.start({ host: '127.0.0.1', port: 0 });
  [officer, registrar] = [await t.enrol('officer'), await t.enrol('registrar')];
});
afterAll(() => t.stop());

interface Got {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
  readonly ms: number;
}

/** One request on a connection of its own. */
function get(path: string, proof?: string, localAddress = honest): Promise<Got> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const headers = proof === undefined ? {} : { 'griffie-proof': proof };
    const sent = httpRequest(
      { host: '127.0.0.1', port, path, headers, localAddress, agent: false },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.on('end', () => {
          const retryAfter = answer.headers['retry-after'];
          resolve({ status: answer.statusCode ?? 0, retryAfter, body, ms: performance.now() - began });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

/** A connection from the attacker, and all that came back on it. */
function attack(text = '') {
  const socket = connect(port, '127.0.0.1');
  const got = { text: '', closed: false };
  socket.setEncoding('latin1').on('data', (more: string) => {
    got.text += more;
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      got.closed = true;
      resolve();
    });
  });
  // A connection that is closed under a write is what is asked for here.
  socket.on('error', () => {});
  if (text !== '') socket.write(text);
  return { socket, got, closed };
}

const head = (line: string, ...fields: string[]): string =>
  `${[line, 'Host: griffie.example.nl', ...fields].join('\r\n')}\r\n\r\n`;

async function until(holds: () => boolean, ms = 60_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('one credential', () => {
  it('has a share of what is under way, and then is told to wait', async () => {
    const reviewer = await t.enrol('reviewer');
    const path = `/v1/orders/${await t.record(registrar)}/estimate`;
    const { countScope } = t.store;
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let waiting = 0;
    Object.assign(t.store, {
      countScope: async () => {
        waiting += 1;
        await gate;
        return {};
      },
    });
    const share = Array.from({ length: 64 }, () => reviewer.call('GET', path));
    await until(() => waiting === 64);
    const before = t.ledger.checkpoint().size;
    const refused = await reviewer.call('GET', path);
    expect(refused).toMatchObject({ status: 429, body: { code: 'request.rate' } });
    expect(refused.headers['retry-after']).toBe('2');
    // The refusal is on record in its name, and does not use the request up.
    const [entry, ...more] = (await t.entries()).slice(before);
    expect(entry).toMatchObject({ kind: 'access.refused', details: { code: 'request.rate' } });
    expect([entry?.evidence, more]).toEqual([undefined, []]);
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
    finish();
    expect((await Promise.all(share)).every(({ status }) => status === 200)).toBe(true);
    Object.assign(t.store, { countScope });
    expect((await reviewer.call('GET', path)).status).toBe(200);
  });

  it('has a number of requests in a time; others keep theirs', async () => {
    const busy = await t.enrol('officer');
    let answer = await busy.call('GET', '/v1/orders');
    for (let sent = 1; answer.status === 200 && sent < 5_000; sent += 20) {
      const twenty = await Promise.all(Array.from({ length: 20 }, () => busy.call('GET', '/v1/orders')));
      answer = twenty.find(({ status }) => status !== 200) ?? answer;
    }
    expect(answer).toMatchObject({ status: 429, body: { code: 'request.rate' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
  });
});

describe('bodies', () => {
  it('together stay under their bound, and their room comes back when they hang up', async () => {
    const length = 8 * 1024 * 1024;
    const sendHead = async () => {
      const proof = await registrar.sign('POST', '/v1/orders', Buffer.from('another body'));
      const fields = ['Content-Type: application/json', `Content-Length: ${length}`];
      return attack(head('POST /v1/orders HTTP/1.1', ...fields, `Griffie-Proof: ${proof}`));
    };
    const senders = await Promise.all(Array.from({ length: 30 }, sendHead));
    const answered = () => senders.filter(({ got }) => got.text.includes('\r\n\r\n'));
    await until(() => answered().length >= 22);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // 64 MiB are eight of them.
    expect(answered()).toHaveLength(22);
    for (const { got } of answered()) {
      expect(got.text).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 2[\s\S]*"code":"service.busy"/i);
    }
    for (const { socket } of senders) socket.destroy();
    const body = orderBody(t.orderDraft());
    let status = 0;
    await until(() => senders.every(({ got }) => got.closed));
    for (let tries = 0; status !== 201 && tries < 100; tries++) {
      status = (await registrar.call('POST', '/v1/orders', { body })).status;
    }
    expect(status).toBe(201);
  });
});

describe('connections', () => {
  it('of one address have a share; another address gets in', async () => {
    const many = Array.from({ length: 400 }, () => attack());
    await until(() => many.filter(({ got }) => got.closed).length >= 400 - 256);
    const health = await get('/health');
    expect(health.status).toBe(200);
    expect(many.filter(({ got }) => !got.closed).length).toBeLessThanOrEqual(256);
    for (const { socket } of many) socket.destroy();
    await until(() => many.every(({ got }) => got.closed));
  });

  it('of slow clients are closed: a silent one, a head that drips, a body that drips', async () => {
    const proof = await officer.sign('POST', '/v1/disclosures', Buffer.from('another body'));
    const fields = ['Content-Type: application/json', 'Content-Length: 1000', `Griffie-Proof: ${proof}`];
    const silent = Array.from({ length: 20 }, () => attack());
    const heads = Array.from({ length: 20 }, () => attack('GET /health HTTP/1.1\r\nX: '));
    const bodies = [attack(head('POST /v1/disclosures HTTP/1.1', ...fields))];
    const drip = setInterval(() => {
      for (const { socket } of [...heads, ...bodies]) write(socket, 'x');
    }, 500);
    const began = performance.now();
    await Promise.all([...silent, ...heads].map(({ closed }) => closed));
    expect(performance.now() - began).toBeLessThan(40_000);
    expect((await get('/health')).status).toBe(200);
    await Promise.all(bodies.map(({ closed }) => closed));
    clearInterval(drip);
    expect(performance.now() - began).toBeLessThan(60_000);
    for (const { got } of heads) expect(got.text).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request.timeout"/);
    // What did not come in time was not done.
    expect((await t.entries()).some(({ kind }) => kind === 'disclosure.requested')).toBe(false);
  });
});

// Last, because it leaves nothing of what 127.0.0.1 may ask.
describe('ten thousand requests at once', () => {
  it('health and an authorised request are answered meanwhile, most of the others told to wait', async () => {
    const proof = await officer.sign('GET', '/v1/orders');
    const other = await officer.sign('GET', '/v1/orders');
    const forged = proof.slice(0, proof.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'));
    const kinds = [
      head('GET /v1/orders HTTP/1.1'),
      head('GET /v1/orders HTTP/1.1', 'Griffie-Proof: a.b.c'),
      head('GET /v1/orders HTTP/1.1', `Griffie-Proof: ${forged}`),
      head('GET /nothing HTTP/1.1'),
    ];
    const entries = t.ledger.checkpoint().size;
    const before = process.memoryUsage().rss;
    const flood = Array.from({ length: 200 }, (_, i) => attack((kinds[i % kinds.length] ?? '').repeat(50)));
    const signed = await officer.sign('GET', '/v1/orders');
    const [health, authorised] = await Promise.all([get('/health'), get('/v1/orders', signed)]);
    expect([health.status, authorised.status]).toEqual([200, 200]);
    expect(Math.max(health.ms, authorised.ms)).toBeLessThan(15_000);

    const answers = () =>
      flood
        .map(({ got }) => got.text)
        .join('')
        .match(/HTTP\/1\.1 \d{3}/g) ?? [];
    await until(() => answers().length === 10_000 || flood.every(({ got }) => got.closed));
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
    const waits = answers().filter((line) => line.endsWith('429')).length;
    expect(waits).toBeGreaterThan(5_000);
    const text = flood.map(({ got }) => got.text).join('');
    expect(text.match(/retry-after: \d+/gi)).toHaveLength(waits);
    expect(text).toContain('"code":"request.rate"');
    // Nobody can be held to them: not one is an entry.
    const recorded = (await t.entries()).slice(entries).map(({ kind }) => kind);
    expect(recorded.filter((kind) => kind !== 'access.noise')).toEqual(['access.granted']);
    for (const { socket } of flood) socket.destroy();
  });
});

function write(socket: Socket, text: string): void {
  if (socket.writable) socket.write(text);
}
