import type { Correlator, LineResult, LogRecord, MailServerAdapter } from '../adapter.ts';
import type { Change } from '../checkpoint/index.ts';

export interface CorrelatorsOptions {
  readonly adapters: readonly MailServerAdapter[];
  /** State under keys that begin with the prefix, which is taken off; as folded from the checkpoint. */
  readonly state: (prefix: string) => Iterable<readonly [key: string, value: string]>;
  /**
   * Every host's lines have correlators of their own. For sources in which only one host's lines are in order:
   * what comes of them then does not depend on how lines of several hosts mix, which differs when they are
   * read again, and the time-outs of one host do not run on the clock of another.
   */
  readonly byHost: boolean;
}

/** Hosts with correlators of their own; names come from lines, so that there is a bound. Further ones share. */
const maxHosts = 1_000;
/** A host of which nothing was read for so long is gone, and what was open of it is not kept. */
const forgetAfterDays = 30;
const msPerDay = 86_400_000;

type Route = readonly [MailServerAdapter, Correlator];
type State = readonly (readonly [key: string, value: string])[];

/** Keys: `postfix:…` shared; `@mx1.example.nl postfix:…` of a host; `day:mx1.example.nl` when it was last read. */
const sharedKey = (software: string): string => `${software}:`;
const hostKey = (host: string, software: string): string => `@${host} ${software}:`;
const dayPrefix = 'day:';

/** The correlators of a source: finds the one that a record is for. */
export class Correlators {
  readonly #options: CorrelatorsOptions;
  readonly #shared: readonly Route[];
  readonly #byHost = new Map<string, { readonly routes: readonly Route[]; day: number }>();
  /** Hosts with something to tell. */
  #touched = new Set<string>();
  #dropped: Change[] = [];
  /** When the last line was read, and that day. */
  #readAt = '';
  #today = 0;
  /** By program tag, the number of its adapter; bounded, because tags come from untrusted lines. */
  readonly #claims = new Map<string, number>();

  constructor(options: CorrelatorsOptions) {
    this.#options = options;
    this.#shared = this.#open((software) => options.state(sharedKey(software)));
    if (options.byHost) this.#restoreHosts();
  }

  /**
   * @param readAt when the line was read, RFC 3339 UTC; not what correlation runs on.
   * @returns null where the record is no mail server's.
   */
  process(record: LogRecord, readAt: string): LineResult | null {
    const claimed = this.#claimOf(record.program);
    if (claimed === -1) return null;
    const routes = this.#options.byHost ? this.#routesOf(record.host, readAt) : this.#shared;
    const route = routes[claimed];
    if (route === undefined) return null;
    const [adapter, correlator] = route;
    try {
      return correlator.process(record);
    } catch {
      // Against its contract; one line must not stop a source for good.
      return { kind: 'notUnderstood', reason: `${adapter.software}.fault` };
    }
  }

  *takeChanges(): Generator<Change> {
    yield* this.#dropped;
    this.#dropped = [];
    yield* prefixed(this.#shared, sharedKey);
    for (const host of this.#touched) {
      const own = this.#byHost.get(host);
      if (own === undefined) continue;
      yield* prefixed(own.routes, (software) => hostKey(host, software));
      yield [dayPrefix + host, String(own.day)];
    }
    this.#touched = new Set();
  }

  get openCount(): number {
    const all = [this.#shared, ...[...this.#byHost.values()].map(({ routes }) => routes)].flat();
    return all.reduce((sum, [, correlator]) => sum + correlator.openCount, 0);
  }

  #open(stateOf: (software: string) => Iterable<readonly [string, string]>): Route[] {
    return this.#options.adapters.map((adapter) => [
      adapter,
      adapter.createCorrelator(stateOf(adapter.software)),
    ]);
  }

  #claimOf(program: string): number {
    const known = this.#claims.get(program);
    if (known !== undefined) return known;
    const claim = this.#options.adapters.findIndex((adapter) => adapter.claims(program));
    if (this.#claims.size >= 1_000) this.#claims.clear();
    this.#claims.set(program, claim);
    return claim;
  }

  #routesOf(host: string, readAt: string): readonly Route[] {
    if (readAt !== this.#readAt) {
      this.#readAt = readAt;
      const day = Math.floor(Date.parse(readAt) / msPerDay);
      if (day > this.#today) this.#forgetHosts(day);
    }
    const day = this.#today;
    let own = this.#byHost.get(host);
    if (own === undefined) {
      if (this.#byHost.size >= maxHosts) return this.#shared;
      own = { routes: this.#open(() => []), day };
      this.#byHost.set(host, own);
    }
    own.day = day;
    this.#touched.add(host);
    return own.routes;
  }

  /** What was open of a host that sends no more would be kept for ever: no time runs there. */
  #forgetHosts(today: number): void {
    this.#today = today;
    for (const [host, { day }] of this.#byHost) {
      if (day >= today - forgetAfterDays) continue;
      this.#byHost.delete(host);
      this.#dropped.push([dayPrefix + host, null]);
      for (const [key] of this.#options.state(`@${host} `)) this.#dropped.push([`@${host} ${key}`, null]);
    }
  }

  #restoreHosts(): void {
    const states = new Map<string, Map<string, [string, string][]>>();
    for (const [key, value] of this.#options.state('@')) {
      const blank = key.indexOf(' ');
      const colon = key.indexOf(':', blank);
      const host = key.slice(0, blank);
      const software = key.slice(blank + 1, colon);
      const ofHost = states.get(host) ?? new Map<string, [string, string][]>();
      const ofSoftware = ofHost.get(software) ?? [];
      ofSoftware.push([key.slice(colon + 1), value]);
      states.set(host, ofHost.set(software, ofSoftware));
    }
    for (const [host, day] of this.#options.state(dayPrefix)) {
      const none: State = [];
      const routes = this.#open((software) => states.get(host)?.get(software) ?? none);
      this.#byHost.set(host, { routes, day: Number(day) });
    }
  }
}

function* prefixed(routes: readonly Route[], prefix: (software: string) => string): Generator<Change> {
  for (const [{ software }, correlator] of routes) {
    for (const [key, value] of correlator.takeChanges()) yield [prefix(software) + key, value];
  }
}
