import { utc } from '#shared/runtime';
import { provePossession, type SigningKey } from '#shared/signed-request';
import { audience, orderBody, orderDraftFor } from '../../support/test-service.ts';
import type { Act, Received } from './acts.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

/** Made once, for all histories. */
export interface Fixed {
  /** By the name of the credential that each is, or may be, enrolled as. */
  readonly keys: ReadonlyMap<string, SigningKey>;
  readonly manifestKey: SigningKey;
  /** age recipient of the packages. */
  readonly recipient: string;
}

/** Says acts in the words of the API. Remembers what was said before, as people do. */
export class Requests {
  readonly #fixed: Fixed;
  /** Ids that the service gave to orders and disclosures, by name. */
  readonly ids: Map<string, string> = new Map();
  readonly #enrolled: Map<string, { personId: string; role: string }> = new Map();
  readonly #recorded: Map<string, Received> = new Map();

  /** @param before what was said before these; it is copied */
  constructor(fixed: Fixed, before?: Requests) {
    this.#fixed = fixed;
    if (!before) return;
    this.ids = new Map(before.ids);
    this.#enrolled = new Map(before.#enrolled);
    this.#recorded = new Map(before.#recorded);
  }

  keyOf(name: string): SigningKey {
    const key = this.#fixed.keys.get(name);
    if (!key) throw new Error(`no key for ${name}`);
    return key;
  }

  /** @param now by which a new key's holder signs */
  async of(act: Act, now: number): Promise<ApiRequest> {
    const post = (path: string, body?: object): ApiRequest => ({
      method: 'POST',
      path: `/v1${path}`,
      ...(body ? { body } : {}),
    });
    const order = `/orders/${'order' in act ? this.#idOf(act.order) : ''}`;
    switch (act.do) {
      case 'enrol': {
        const { whom, person: personId, role, from, until } = act;
        const { credentialId, possession, ...key } = await this.#newKey(whom, now);
        const validity = { notBefore: utc(from), notAfter: utc(until) };
        // In the order of Griffie's own clients, so that the body follows from the entry.
        return post('/credentials', { credentialId, personId, role, ...key, ...validity, possession });
      }
      case 'confirm': {
        const stated = this.#enrolled.get(act.whom) ?? { personId: 'nobody', role: 'officer' };
        return post(`/credentials/${this.keyOf(act.whom).kid}/confirmation`, stated);
      }
      case 'revoke':
        return post(`/credentials/${this.keyOf(act.whom).kid}/revocation`, { reason: 'other' });
      case 'rotate':
        return post('/credentials/rotation', await this.#newKey(act.whom, now));
      case 'record':
        this.#recorded.set(act.order, act);
        return post('/orders', this.#orderBody(act.order, act.until));
      case 'amend':
        return post(`${order}/amendment`, {
          version: act.version,
          ...this.#orderBody(act.order, act.until),
        });
      case 'approve':
        return post(`${order}/approval`, { version: act.version });
      case 'reject':
        return post(`${order}/rejection`, { version: act.version, reason: 'other' });
      case 'resume':
        return post(`${order}/resumption`, { version: act.version });
      case 'suspend':
        return post(`${order}/suspension`, { reason: 'other' });
      case 'withdraw':
        return post(`${order}/revocation`, { reason: 'withdrawn' });
      case 'request': {
        const wider = { targets: [{ kind: 'address', value: 'bob@example.nl' }] };
        const named = { orderId: this.#idOf(act.order), orderVersion: act.version };
        return post('/disclosures', { ...named, ...(act.wider ? { scope: wider } : {}) });
      }
      case 'cancel':
        return post(`/disclosures/${this.#idOf(act.request)}/cancellation`);
      case 'collect':
        return { method: 'GET', path: `/v1/disclosures/${this.#idOf(act.request)}/package` };
    }
  }

  /** Takes note of what the service answered to an act that it allowed. */
  note(act: Act, body: Readonly<Record<string, unknown>>): void {
    if (act.do === 'enrol') this.#enrolled.set(act.whom, { personId: act.person, role: act.role });
    if (act.do === 'record') this.ids.set(act.order, String(body.orderId));
    if (act.do === 'request') this.ids.set(act.request, String(body.disclosureId));
    const before = act.do === 'rotate' ? this.#enrolled.get(act.by) : undefined;
    if (act.do === 'rotate' && before) this.#enrolled.set(act.whom, before);
  }

  #idOf(name: string): string {
    return this.ids.get(name) ?? '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
  }

  async #newKey(name: string, now: number) {
    const key = this.keyOf(name);
    const enrolment = { credentialId: name, audience, nowSeconds: Math.floor(now / 1000) };
    return {
      credentialId: name,
      algorithm: key.alg,
      publicKey: { ...key.publicJwk },
      possession: await provePossession(key, enrolment),
    };
  }

  #orderBody(name: string, until: number): object {
    const { kind, received } = this.#recorded.get(name) ?? { kind: 'plain', received: until - 1 };
    const { validatedBy, ...draft } = orderDraftFor(this.#fixed.recipient, ['sender', 'recipient']);
    const times = { receivedAt: utc(received), validUntil: utc(until) };
    if (kind === 'plain') return orderBody({ ...draft, validatedBy, ...times }) as object;
    const notified = { required: true, enforcingAuthority: 'OM', notifiedAt: utc(received) };
    return orderBody({
      ...draft,
      regime: kind === 'notified' ? 'EU_EPOC' : 'EU_EPOC_PR',
      type: kind === 'notified' ? 'produce' : 'preserve',
      issuingState: 'DE',
      issuer: { authority: 'Amtsgericht Berlin', role: 'judge', fileReference: '1 Js 1/96' },
      ...(kind === 'notified'
        ? { notification: notified, offence: { provisions: 'StGB 263', threshold: 'three years' } }
        : {}),
      ...times,
    }) as object;
  }
}
