import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Replay, type ReplayReport } from '#shared/control';
import { type LedgerEntry, verifyLog } from '#shared/ledger';
import { createMemoryOrder, createMemoryStorage } from '#shared/ledger-storage';
import { shippedRegimes } from '#shared/regimes';
import { utc } from '#shared/runtime';
import { createCaseChecker } from '../../../services/cli/audit/case-checks.ts';
import { openCaseReader } from '../../../services/cli/audit/case-files.ts';
import { signCall } from '../../support/signed-call.ts';
import { createTestClock, type TestClock } from '../../support/test-clock.ts';
import { audience } from '../../support/test-service.ts';
import type { Act } from './acts.ts';
import { caseMaster, type Place, type Replica, signer, startReplica } from './replica.ts';
import { type Fixed, Requests } from './requests.ts';

export interface Answer {
  readonly status: number;
  /** `ok`, or why it was refused. */
  readonly code: string;
}

interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer | undefined;
}

/** How a replica comes back: from the snapshot that it left, from an older one, or from the ledger alone. */
export const restarts = ['stopped', 'killed', 'killed without a snapshot'] as const;

export interface WorldOptions {
  readonly now: number;
  readonly replicas: number;
  readonly administrators: readonly string[];
  /** What was there before. */
  readonly after?: Kept;
  /** Over a socket and not by `inject`. */
  readonly overHttp?: boolean;
}

/** What is left of a world that was stopped, for others to begin with. */
export interface Kept {
  readonly entries: readonly LedgerEntry[];
  readonly folder: string;
  readonly requests: Requests;
  readonly sent: ReadonlyMap<number, Sent>;
}

/** Where files are cheap: what a power cut leaves is another test's. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const casesOf = (folder: string): string => join(folder, 'cases');

/** Refusals for what another replica wrote a moment ago, and this one has not read. */
const lateCodes: ReadonlySet<string> = new Set(['proof.key_unknown', 'proof.key_unconfirmed']);

/**
 * The service, whole: routes, signatures, decisions, case files, packages and ledger, as one replica or two
 * over one order. In memory is what would be a disk's or a broker's; the store can be held back, so that
 * things happen between a request and its release.
 */
export class World {
  readonly #options: WorldOptions;
  readonly #fixed: Fixed;
  readonly #folder: string;
  readonly #clock: TestClock;
  readonly #requests: Requests;
  readonly #replicas: Replica[] = [];
  readonly #sent: Map<number, Sent>;
  readonly #released = new Set<string>();
  #read = 0;
  #snapshots = 0;
  #opened: Promise<void> = Promise.resolve();
  #open = (): void => {};

  private constructor(fixed: Fixed, folder: string, options: WorldOptions) {
    this.#options = options;
    this.#fixed = fixed;
    this.#folder = folder;
    this.#clock = createTestClock(utc(options.now));
    this.#requests = new Requests(fixed, options.after?.requests);
    this.#sent = new Map(options.after?.sent);
  }

  static async start(fixed: Fixed, options: WorldOptions): Promise<World> {
    const folder = await mkdtemp(join(memory, 'griffie-model-'));
    const world = new World(fixed, folder, options);
    const order = options.replicas > 1 ? createMemoryOrder() : null;
    const { after } = options;
    if (after) await cp(casesOf(after.folder), casesOf(folder), { recursive: true });
    for (let i = 0; i < options.replicas; i++) {
      const storage = createMemoryStorage();
      const place = { name: `replica${i}`, storage, folder, snapshots: world.#newSnapshots(), order };
      world.#replicas.push(await world.#start(place, i === 0));
    }
    return world;
  }

  setClock(now: number): void {
    this.#catchUp();
    this.#clock.set(utc(now));
  }

  /** The replica reads nothing of what others write, until it writes or time goes on. */
  fallBehind(at: number): void {
    this.#at(at).order?.fallBehind();
  }

  /** The store answers no more, until it is let go. */
  hold(): void {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  letGo(): void {
    this.#open();
  }

  /**
   * Carries an act out at one of the replicas; under a signature that was used before the very same request.
   * @param expected that it is allowed: then it is tried again for what comes late, and for nothing else
   */
  async perform(act: Act, signature: number, at: number, expected: boolean): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const sent = this.#sent.get(signature) ?? (await this.#sign(act));
      this.#sent.set(signature, sent);
      const { status, body } = await this.#send(this.#at(at), sent);
      const code = String(body.code ?? 'ok');
      if (status < 300) this.#requests.note(act, body);
      const isLate = this.#replicas.length > 1 && lateCodes.has(code);
      const isToCome = expected && (isLate || code === 'disclosure.not_ready');
      if (!isToCome || tries === 500) return { status, code };
      this.#catchUp();
      this.#sent.delete(signature);
      await pause(2);
    }
  }

  async restart(at: number, how: (typeof restarts)[number]): Promise<void> {
    const before = this.#at(at);
    await (how === 'stopped' ? before.stop() : before.kill());
    const isLost = how === 'killed without a snapshot';
    const snapshots = isLost ? this.#newSnapshots() : before.place.snapshots;
    const after = await this.#start({ ...before.place, snapshots }, false);
    this.#replicas[this.#replicas.indexOf(before)] = after;
  }

  /** Waits until nothing is under way any more. @returns all that was released, by name. */
  async released(): Promise<string[]> {
    for (let tries = 0; this.#isBusy(); tries++) {
      // One that is behind may first come to announce what was cancelled elsewhere.
      if (tries === 25) this.#catchUp();
      if (tries > 4_000) throw new Error('a disclosure was neither released nor refused');
      await pause(tries < 100 ? 1 : 5);
    }
    const { ledger } = this.#at(0);
    const { size } = ledger.checkpoint();
    for await (const { entry } of ledger.entries(this.#read, size)) {
      if (entry.kind === 'disclosure.released') this.#released.add(entry.subject ?? '');
    }
    this.#read = size;
    const names = new Map([...this.#requests.ids].map(([name, id]) => [id, name]));
    return [...this.#released].map((id) => names.get(id) ?? `of nobody: ${id}`).sort();
  }

  /** Stops everything; its folder stays. */
  async keep(): Promise<Kept> {
    const entries: LedgerEntry[] = [];
    for await (const { entry } of this.#at(0).ledger.entries()) entries.push(entry);
    await this.#stop();
    return { entries, folder: this.#folder, requests: this.#requests, sent: this.#sent };
  }

  /** Stops everything, and looks at the ledgers as an auditor with the case files does: of one root, one replay. */
  async verify(): Promise<{ roots: number; problems: unknown[]; report: ReplayReport }> {
    await this.#stop();
    const [roots, problems] = [new Set<string>(), [] as unknown[]];
    const regimes = shippedRegimes();
    const cases = openCaseReader(casesOf(this.#folder), { master: caseMaster });
    const replay = new Replay(createCaseChecker(cases, regimes), regimes);
    for (const { place } of this.#replicas) {
      const onEntries = (leaves: readonly Uint8Array[], first: number) => replay.take(leaves, first);
      const isFirst = roots.size === 0;
      const log = await verifyLog(place.storage, {
        verifiers: [signer.verifier],
        ...(isFirst ? { onEntries } : {}),
      });
      roots.add(Buffer.from(log.root).toString('hex'));
      problems.push(...log.problems);
    }
    const report = replay.report();
    return { roots: roots.size, problems: [...problems, ...report.problems], report };
  }

  async remove(): Promise<void> {
    this.letGo();
    await this.#stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #stop(): Promise<void> {
    const running = this.#replicas.filter(({ service }) => service.app.server.listening);
    for (const { service } of running) await service.close();
    this.#catchUp();
    // Each has what the others wrote while they stopped; what is not there after so long is a finding.
    for (let tries = 0; running.length > 0 && !this.#isLevel() && tries < 1_000; tries++) await pause(5);
    for (const { ledger } of running) await ledger.close();
  }

  #start(place: Place, isFirst: boolean): Promise<Replica> {
    const { administrators, after } = this.#options;
    return startReplica(place, {
      ...{ fixed: this.#fixed, clock: this.#clock, opened: () => this.#opened },
      administrators: isFirst ? administrators : [],
      entries: isFirst && after ? after.entries : [],
    });
  }

  #catchUp(): void {
    for (const { order } of this.#replicas) order?.catchUp();
  }

  #isLevel(): boolean {
    return new Set(this.#replicas.map(({ ledger }) => ledger.checkpoint().size)).size === 1;
  }

  #isBusy(): boolean {
    const waits = ({ service }: Replica) => (service.figures().byStatus.AwaitingDisclosure ?? 0) > 0;
    return !this.#isLevel() || this.#replicas.some(waits);
  }

  #at(at: number): Replica {
    const replica = this.#replicas[at % this.#replicas.length];
    if (!replica) throw new Error('no replica');
    return replica;
  }

  #newSnapshots(): string {
    return join(this.#folder, `snapshots-${++this.#snapshots}`);
  }

  async #sign(act: Act): Promise<Sent> {
    const { method, path, body } = await this.#requests.of(act, this.#clock.now());
    const bytes = body && Buffer.from(JSON.stringify(body));
    const signer = { key: this.#requests.keyOf(act.by), credentialId: act.by };
    const proof = await signCall(signer, audience, { method, path, body: bytes }, act.signedAt);
    const headers = { 'griffie-proof': proof, ...(bytes ? { 'content-type': 'application/json' } : {}) };
    return { method, path, headers, bytes };
  }

  async #send(
    { service, url }: Replica,
    { method, path, headers, bytes }: Sent,
  ): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
    const isJson = (type: unknown): boolean => /[/+]json\b/.test(String(type));
    if (this.#options.overHttp) {
      const answer = await fetch(url + path, {
        method,
        headers,
        ...(bytes ? { body: new Uint8Array(bytes) } : {}),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        body: isJson(answer.headers.get('content-type')) ? JSON.parse(text) : {},
      };
    }
    const answer = await service.app.inject({
      method,
      url: path,
      headers,
      ...(bytes ? { payload: bytes } : {}),
    });
    const body = isJson(answer.headers['content-type']) ? JSON.parse(answer.payload) : {};
    return { status: answer.statusCode, body };
  }
}
