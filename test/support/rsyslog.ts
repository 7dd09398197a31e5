import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { localBrokerAvailable } from './kafka.ts';
import { mailServersAvailable } from './mail-servers/index.ts';

const program = '/usr/sbin/rsyslogd';
const modules = [
  '/usr/lib/x86_64-linux-gnu/rsyslog',
  '/usr/lib/aarch64-linux-gnu/rsyslog',
  '/usr/lib64/rsyslog',
];

type Availability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

function rsyslogAvailable(): Availability {
  if (process.getuid?.() !== 0) return { ok: false, reason: 'needs root' };
  if (!existsSync(program)) return { ok: false, reason: "needs Debian's rsyslog" };
  const hasKafka = modules.some((folder) => existsSync(join(folder, 'omkafka.so')));
  return hasKafka ? { ok: true } : { ok: false, reason: "needs Debian's rsyslog-kafka" };
}

/** Tests that kill a collector run it as it was built. */
function buildAvailable(): Availability {
  const built = existsSync(new URL('../../dist/services/collector/index.js', import.meta.url));
  return built ? { ok: true } : { ok: false, reason: 'not built' };
}

/**
 * `describe` for tests with a real rsyslogd and a broker of their own, and `mail` with real mail servers, too.
 * Where one is missing, the tests are skipped and the name says why; in CI that is a failure.
 */
export function describeWithRsyslog(name: string, needs: { readonly mail: boolean }, body: () => void): void {
  const all = [
    rsyslogAvailable(),
    localBrokerAvailable(),
    ...(needs.mail ? [mailServersAvailable(), buildAvailable()] : []),
  ];
  const missing = all.find((each) => !each.ok);
  if (missing === undefined) describe(name, body);
  else if (process.env.CI === 'true') {
    it(name, () => {
      throw new Error(`CI must run this: ${missing.ok ? '' : missing.reason}`);
    });
  } else describe.skip(`${name} (skipped: ${missing.ok ? '' : missing.reason})`, body);
}

export interface RsyslogOptions {
  /** The example under infra/rsyslog that is run. */
  readonly example: 'griffie-kafka.conf' | 'griffie-kafka-syslog.conf';
  /** Its state and its queue. */
  readonly folder: string;
  /** Put before the example: inputs that the host's main configuration has. */
  readonly before?: string;
  readonly topic: string;
  readonly brokers: readonly string[];
  readonly files?: { readonly postfix: string; readonly dovecot: string };
  /** Zone of the host: its clock's, and that of its log files. */
  readonly timeZone: string;
}

/** An rsyslogd of its own, on one of the example configurations. */
export class Rsyslog {
  readonly #options: RsyslogOptions;
  #child: ChildProcess | undefined;

  constructor(options: RsyslogOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { folder, timeZone } = this.#options;
    await mkdir(folder, { recursive: true });
    const path = join(folder, 'rsyslog.conf');
    await writeFile(path, await this.#configuration());
    const child = spawn(program, ['-n', '-iNONE', '-f', path], {
      stdio: 'ignore',
      env: { PATH: process.env.PATH ?? '', TZ: timeZone },
    });
    const end = (): unknown => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    await once(child, 'spawn');
    this.#child = child;
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** SIGTERM: it writes down where it stands. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** The example with what an operator puts in. What is not found in it was renamed there: a mistake here. */
  async #configuration(): Promise<string> {
    const { example, folder, before, topic, brokers, files } = this.#options;
    const text = await readFile(new URL(`../../infra/rsyslog/${example}`, import.meta.url), 'utf8');
    const replacements: [RegExp, string][] = [
      [/broker=\[[^\]]*\]/, `broker=[${brokers.map((broker) => `"${broker}"`).join(', ')}]`],
      [/topic="mail\.raw\.v1"/, `topic="${topic}"`],
      // The broker of the tests speaks neither TLS nor SASL.
      [/,\n\s*"security\.protocol=[\s\S]*?(?=\n\s*\])/, ''],
      [/"\/var\/spool\/rsyslog\/griffie-kafka\.failed"/, `"${folder}/griffie-kafka.failed"`],
      [/queue\.spoolDirectory="\/var\/spool\/rsyslog"/, `queue.spoolDirectory="${folder}"`],
    ];
    if (files !== undefined) {
      replacements.push([/file="\/var\/log\/postfix\.log"/, `file="${files.postfix}"`]);
      replacements.push([/file="\/var\/log\/dovecot\.log"/, `file="${files.dovecot}"`]);
    }
    const own = replacements.reduce((changed, [pattern, by]) => {
      if (!pattern.test(changed)) throw new Error(`${example} has nothing like ${pattern}`);
      return changed.replace(pattern, () => by);
    }, text);
    return `global(workDirectory="${folder}")\n${before ?? ''}\n${own}`;
  }
}
