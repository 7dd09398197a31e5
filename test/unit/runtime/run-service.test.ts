import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type CommonSettings,
  type ProcessHost,
  type RunningService,
  runService,
  type ServiceContext,
  type ServiceDefinition,
  stopMs,
  untilReady,
} from '#shared/runtime';

interface FakeProcess extends ProcessHost {
  readonly out: string[];
  readonly err: string[];
  readonly codes: number[];
  emit(event: string, value?: unknown): void;
}

function fakeProcess(...args: string[]): FakeProcess {
  const listeners = new Map<string, (value?: unknown) => void>();
  const [out, err, codes]: [string[], string[], number[]] = [[], [], []];
  return {
    argv: ['node', 'main.js', ...args],
    env: {},
    stdin: (async function* () {})(),
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    on: (event: string, listener: (value?: unknown) => void) => listeners.set(event, listener),
    exit: (code) => codes.push(code),
    out,
    err,
    codes,
    emit: (event, value) => listeners.get(event)?.(value),
  };
}

const settings: CommonSettings = { healthListen: { host: '127.0.0.1', port: 0 }, logLevel: 'info' };
const never = new Promise<never>(() => {});

function serviceOf(
  start: (context: ServiceContext) => Promise<RunningService>,
  change: Partial<ServiceDefinition<CommonSettings>> = {},
): ServiceDefinition<CommonSettings> {
  return {
    name: 'tester',
    summary: 'does nothing, well.',
    variables: [{ name: 'HEALTH_LISTEN', member: 'healthListen', about: 'host:port', default: 'x:1' }],
    read: async () => ({ ok: true, settings }),
    start: (_settings, context) => start(context),
    ...change,
  };
}

const started = async (host: FakeProcess): Promise<void> => {
  await vi.waitFor(() => expect(host.err.join('')).toContain('"msg":"started"'));
};

describe('a service as a process', () => {
  it('says what it does and reads, and its version, and does nothing else', async () => {
    const help = fakeProcess('--help');
    await runService(
      serviceOf(() => never),
      help,
    );
    expect(help.out.join('')).toMatch(
      /griffie tester: does nothing, well\.[\s\S]*HEALTH_LISTEN .*default: x:1/,
    );
    const version = fakeProcess('--version');
    await runService(
      serviceOf(() => never),
      version,
    );
    expect(version.out.join('')).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect([...help.codes, ...version.codes]).toEqual([]);
  });

  it('ends with 64 and a line for each problem where its configuration is wrong', async () => {
    const host = fakeProcess();
    const read = async () => ({ ok: false as const, problems: ['A: is required', 'B: is not valid'] });
    await runService(
      serviceOf(() => never, { read }),
      host,
    );
    expect(host.err).toEqual(['tester: A: is required\n', 'tester: B: is not valid\n']);
    expect(host.codes).toEqual([64]);
    const argument = fakeProcess('--verbose');
    await runService(
      serviceOf(() => never),
      argument,
    );
    expect(argument.codes).toEqual([64]);
  });

  it.each(['SIGTERM', 'SIGINT'])('finishes what it has in hand on %s, and ends with 0', async (signal) => {
    const host = fakeProcess();
    const done: string[] = [];
    const ended = runService(
      serviceOf(async ({ stopping }) => ({
        failed: never,
        stop: async () => void done.push(`stopped, ${stopping.aborted}`),
      })),
      host,
    );
    await started(host);
    host.emit(signal);
    await ended;
    expect(done).toEqual(['stopped, true']);
    expect(host.codes).toEqual([0]);
  });

  it('ends with 1 where it can go on no longer, and says why; it lets go first', async () => {
    const host = fakeProcess();
    const stop = vi.fn(async () => {});
    const why = Object.assign(new Error('The consumer ended for good'), { code: 'kafka.consumer_ended' });
    await runService(
      serviceOf(async () => ({ failed: Promise.resolve(why), stop })),
      host,
    );
    expect(host.err.join('')).toContain('The consumer ended for good');
    expect(stop).toHaveBeenCalledOnce();
    expect(host.codes).toEqual([1]);
  });

  it.each([
    ['store.not_migrated', 'run griffie migrate apply', 1, true],
    ['config.listen', 'another port', 64, true],
    ['EADDRINUSE', 'listen on 10.1.2.3', 1, false],
  ])('a start that fails with %s is told', async (code, message, exitCode, isTold) => {
    const host = fakeProcess();
    await runService(
      serviceOf(async () => {
        throw Object.assign(new Error(message), { code });
      }),
      host,
    );
    expect(host.codes).toEqual([exitCode]);
    expect(host.err.join('')).toContain(`"code":"${code}"`);
    expect(host.err.join('').includes(message)).toBe(isTold);
  });

  it('gives up waiting for its peers when it is told to stop: that is no failure', async () => {
    const host = fakeProcess();
    const ended = runService(
      serviceOf(async ({ health, stopping, logger }) => {
        const { Condition } = await import('#shared/runtime');
        const condition = new Condition();
        health.add('store', condition.check);
        const away = async (): Promise<never> => {
          throw Object.assign(new Error('x'), { code: 'store.unavailable' });
        };
        return untilReady(away, { peer: 'store', condition, stopping, logger, finalCodes: [] });
      }),
      host,
    );
    await vi.waitFor(() => expect(host.err.join('')).toContain('cannot start yet; waiting'));
    host.emit('SIGTERM');
    await ended;
    expect(host.codes).toEqual([0]);
  });

  it('does not stay where a start does not notice that it is told to stop', async () => {
    const host = fakeProcess();
    const ended = runService(
      serviceOf(() => never),
      host,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    host.emit('SIGTERM');
    await ended;
    expect(host.codes).toEqual([0]);
  }, 10_000);

  describe('with a stop that does not end', () => {
    afterEach(() => void vi.useRealTimers());

    it('ends with 1 after a bounded time', async () => {
      const host = fakeProcess();
      const stop = vi.fn(() => never);
      const ended = runService(
        serviceOf(async () => ({ failed: never, stop })),
        host,
      );
      await started(host);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      host.emit('SIGTERM');
      while (stop.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(stopMs);
      await ended;
      expect(host.err.join('')).toContain('service.stop_timeout');
      expect(host.codes).toEqual([1]);
    });
  });

  it.each(['unhandledRejection', 'uncaughtException'])(
    'ends with 1 at once on an %s, by its code alone',
    async (event) => {
      const host = fakeProcess();
      const ended = runService(
        serviceOf(async () => ({ failed: never, stop: async () => {} })),
        host,
      );
      await started(host);
      host.emit(event, Object.assign(new Error('alice@example.nl'), { code: 'EPIPE' }));
      expect(host.codes).toEqual([1]);
      expect(host.err.join('')).toContain('"code":"EPIPE"');
      expect(host.err.join('')).not.toContain('alice');
      host.emit('SIGTERM');
      await ended;
    },
  );
});

describe('waiting for a peer', () => {
  it('ends at once where waiting does not help, and otherwise when it is there', async () => {
    const { Condition, silentLogger } = await import('#shared/runtime');
    const condition = new Condition();
    const options = {
      peer: 'bus',
      condition,
      stopping: new AbortController().signal,
      logger: silentLogger,
      finalCodes: ['kafka.topic_missing'],
    };
    const fault = (code: string) => Object.assign(new Error(code), { code });
    let tries = 0;
    const result = await untilReady(async () => {
      tries += 1;
      if (tries === 1) throw fault('kafka.unavailable');
      expect(condition.check()).toEqual({ ok: false, code: 'kafka.unavailable' });
      return 'there';
    }, options);
    expect([result, tries, condition.check()]).toEqual(['there', 2, { ok: true }]);
    const missing = untilReady(() => Promise.reject(fault('kafka.topic_missing')), options);
    await expect(missing).rejects.toMatchObject({ code: 'kafka.topic_missing' });
  });
});
