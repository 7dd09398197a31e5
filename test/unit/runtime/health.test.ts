import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addCounter,
  addGauge,
  Condition,
  createHealth,
  createMetrics,
  type HealthServer,
  keepAsking,
  serveHealth,
} from '#shared/runtime';

describe('the health server', () => {
  const health = createHealth();
  const store = new Condition();
  const metrics = createMetrics('tester');
  let events = 3;
  let server: HealthServer;

  beforeAll(async () => {
    health.add('store', store.check);
    addCounter(metrics, { name: 'griffie_test_events_total', help: 'Events.', read: () => events });
    addGauge(metrics, {
      name: 'griffie_test_lag_bytes',
      help: 'Lag.',
      labels: ['source'],
      read: () => [[{ source: 'postfix' }, 7]],
    });
    server = await serveHealth({ host: '127.0.0.1', port: 0 }, { health, metrics });
  });
  afterAll(() => server.close());

  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') };
  };

  it('is live whatever its peers do', async () => {
    store.fail(new Error('away'));
    expect(await get('/health/live')).toMatchObject({ status: 200, type: 'application/json' });
  });

  it('is ready where every check says so, and names the one that does not by its code', async () => {
    store.fail(Object.assign(new Error('quotes alice@example.nl'), { code: 'ECONNREFUSED' }));
    const not = await get('/health/ready');
    expect(not.status).toBe(503);
    expect(JSON.parse(not.text)).toEqual({
      status: 'not ready',
      checks: { store: { ok: false, code: 'ECONNREFUSED' } },
    });
    store.pass();
    const ready = await get('/health/ready');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toEqual({ status: 'ready', checks: { store: { ok: true } } });
  });

  it('gives metrics as they are at that moment, the process’s own among them', async () => {
    events = 5;
    const { text, type } = await get('/metrics');
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toMatch(/^griffie_test_events_total 5$/m);
    expect(text).toMatch(/^griffie_test_lag_bytes\{source="postfix"\} 7$/m);
    expect(text).toMatch(/^griffie_build_info\{service="tester",version="\d/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
    events = 6;
    expect((await get('/metrics')).text).toMatch(/^griffie_test_events_total 6$/m);
  });

  it('has nothing else, and takes nothing', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics?alice@example.nl')).text).not.toContain('alice');
    expect((await get('/health/ready', { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('says which address is taken', async () => {
    const taken = serveHealth({ host: '127.0.0.1', port: server.port }, { health, metrics });
    await expect(taken).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

it('a peer that is asked again and again shows how it is, until nobody asks any more', async () => {
  const condition = new Condition();
  const stop = new AbortController();
  const seen: string[] = [];
  let asked = 0;
  await keepAsking(
    condition,
    async () => {
      seen.push(JSON.stringify(condition.check()));
      asked += 1;
      if (asked === 2) throw Object.assign(new Error('x'), { code: 'store.unavailable' });
      if (asked === 4) stop.abort();
    },
    { everyMs: 1, signal: stop.signal },
  );
  expect(seen).toEqual([
    '{"ok":false,"code":"starting"}',
    '{"ok":true}',
    '{"ok":false,"code":"store.unavailable"}',
    '{"ok":true}',
  ]);
});
