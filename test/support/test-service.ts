import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import {
  createDisclosureService,
  type DisclosureDeps,
  type DisclosureService,
  type RevocationSettings,
} from '#services/disclosure';
import { createMasterKey, generateMasterKey } from '#shared/case-files';
import { certificateDigest } from '#shared/certificates';
import type { PatternThresholds, Role, ServiceConfiguration } from '#shared/control';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  type LedgerStorage,
  type NoteSigner,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import type { TrustAnchors } from '#shared/order-document';
import type { OrderDraft } from '#shared/orders';
import { type Logger, silentLogger } from '#shared/runtime';
import { generateKey, type SigningKey } from '#shared/signed-request';
import type { TrafficStore } from '#shared/store';
import { type CategoryId, categoryIds } from '#shared/traffic';
import { requiredAuthorities } from '../../services/disclosure/revocation/index.ts';
import { ceremonyAdministrator, enrolmentBody } from './enrolment.ts';
import { replayOf } from './replayed.ts';
import { signCall } from './signed-call.ts';
import { createTestClock, type TestClock } from './test-clock.ts';
import { openTestEngine, type TestEngine } from './test-engine.ts';

export const audience = 'https://griffie.example.nl';
/** When the tests' clock starts. */
export const testStart = '2096-11-20T09:00:00.000Z';

/** An answer of the API: status, headers, and the body as JSON where it is that. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
  readonly body: AnswerBody;
}

/** Members that JSON answers have; which of them are there depends on the route, and the tests look. */
export interface AnswerBody {
  readonly code: string;
  readonly codes: readonly string[];
  readonly problems: readonly {
    path: string;
    kind: string;
    rule: string;
    source: string;
    sentence: string;
  }[];
  readonly status: string;
  readonly orderId: string;
  readonly disclosureId: string;
  readonly thumbprint: string;
  readonly ready: boolean;
  readonly records: number;
  readonly completeness: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;
  readonly items: readonly AnswerBody[];
  readonly order: OrderDraft;
  readonly version: number;
  readonly deadline?: { readonly dueAt: string; readonly stopped: boolean; readonly missed: boolean };
  readonly releaseWaitsUntil?: string;
  readonly followUps?: readonly { readonly id: string; readonly by: string; readonly done: boolean }[];
  readonly documentSignature?: { readonly state: string; readonly reason?: string };
}

export interface CallOptions {
  readonly body?: unknown;
  /** Exact bytes to send instead of `body`; signed unless `signedBody` says otherwise. */
  readonly bytes?: Buffer;
  readonly signedBody?: Buffer;
  readonly jti?: string;
  readonly proof?: string;
  readonly contentType?: string;
  /** Others, which are not signed. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Somebody with a credential. */
export interface Person {
  readonly key: SigningKey;
  readonly credentialId: string;
  readonly role: Role;
  call(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<Answer>;
  sign(method: string, path: string, body?: Buffer, jti?: string): Promise<string>;
}

export interface TestService extends TestEngine {
  /** The one that runs now, as its ledger. */
  readonly service: DisclosureService;
  readonly ledger: Ledger;
  readonly clock: TestClock;
  /** Where revocation lists that were in use are kept; undefined where none are asked. */
  readonly keptLists: string | undefined;
  readonly folder: string;
  readonly administrator: Person;
  /** Confirms what the first enrols. */
  readonly secondAdministrator: Person;
  readonly recipientIdentity: string;
  /** Master key of the case files, as text. */
  readonly caseMasterKeys: string;
  readonly manifestKey: SigningKey;
  readonly ledgerKey: string;
  /** Enrols a new key, and has it confirmed; `personId` defaults to one of its own. */
  enrol(role: Role, personId?: string): Promise<Person>;
  /** Body of an enrolment, with the signature of the key's holder. */
  enrolment(key: SigningKey, credentialId: string, personId: string, role: Role): Promise<EnrolmentBody>;
  /** Somebody with a key, enrolled or not. */
  person(key: SigningKey, credentialId: string, role: Role): Person;
  /** A complete order about alice@example.nl; members given replace its own. */
  orderDraft(change?: Partial<OrderDraft>): OrderDraft;
  record(registrar: Person, draft?: OrderDraft): Promise<string>;
  /** Records and approves with a new registrar and reviewer. */
  approvedOrder(draft?: OrderDraft): Promise<string>;
  anonymous(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<Answer>;
  /** Waits until a disclosure is done. */
  finished(officer: Person, disclosureId: string): Promise<Answer>;
  entries(): Promise<{ kind: string; details: Record<string, unknown>; evidence?: string | undefined }[]>;
  /** Stops the service; another one goes on with what it left, in the same folder with the same keys. */
  restart(whileDown?: () => Promise<unknown>): Promise<void>;
  /**
   * Ends it, and makes every decision of its ledger again, as an auditor does.
   * @throws Error where one does not follow
   */
  stop(): Promise<void>;
}

type EnrolmentBody = Awaited<ReturnType<typeof enrolmentBody>>;

export interface TestServiceOptions {
  readonly storage?: LedgerStorage;
  readonly logger?: Logger;
  readonly folder?: string;
  /** What signatures of orders' documents must lead to. */
  readonly documentAnchors?: TrustAnchors;
  /** Puts something between the service and its store. */
  readonly between?: (store: TrafficStore) => TrafficStore;
  /** Certificates to which those of credentials must lead. */
  readonly anchors?: readonly Uint8Array[];
  /** Revocation lists of those authorities. */
  readonly certificateLists?: RevocationSettings;
  readonly tls?: DisclosureDeps['tls'];
  /** The ledger's key, for tests of what its holder can do. */
  readonly signer?: NoteSigner;
  /** From what on patterns are told; nothing is where absent. */
  readonly patterns?: PatternThresholds;
  /** The engine on an encrypted disk, with its keys there. */
  readonly diskKeyFolder?: string;
  /** One that is open already, and stays so. */
  readonly engine?: TestEngine;
}

const testPdf = Buffer.from('%PDF-1.7\n% the order, as it came\nstartxref\n0\n%%EOF\n');

/** The real service over the real embedded engine, with a clock that stands still. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'griffie-test-')));
  const clock = createTestClock(testStart);
  const { diskKeyFolder: keyFolder } = options;
  const disk = keyFolder === undefined ? undefined : { keyFolder, now: clock.now() };
  const engine = options.engine ?? (await openTestEngine(join(folder, 'engine'), disk));
  const { store } = engine;
  const storage = options.storage ?? createMemoryStorage();
  const signer = options.signer ?? createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  const manifestKey = await generateKey('EdDSA');
  const adminKeys = [await generateKey('ES256'), await generateKey('ES256')] as const;
  const candidate = (key: SigningKey, credentialId: string) => ({
    key,
    credentialId,
    audience,
    now: clock.now(),
  });
  const caseMasterKeys = generateMasterKey();
  const { certificateLists: lists } = options;
  const keptLists = join(folder, 'revocation-lists');
  const open = async (ledger: Ledger): Promise<DisclosureService> =>
    createDisclosureService({
      ledger,
      ledgerFiles: storage,
      ledgerKey: signer.verifier.vkey,
      store: options.between?.(store) ?? store,
      clock,
      logger: options.logger ?? silentLogger,
      ...(options.documentAnchors ? { documentAnchors: options.documentAnchors } : {}),
      manifestSigner: { kid: manifestKey.kid, privateKey: manifestKey.privateKey },
      caseMasterKey: createMasterKey(caseMasterKeys),
      caseFolder: join(folder, 'cases'),
      packageFolder: join(folder, 'packages'),
      operator: 'Example Mail',
      configuration: {
        ...testConfiguration(manifestKey),
        ...(options.anchors ? { anchors: options.anchors.map(certificateDigest) } : {}),
        ...(lists ? { revocation: await requiredAuthorities(lists, options.anchors ?? []) } : {}),
        ...(options.patterns ? { patterns: options.patterns } : {}),
      },
      ...(lists ? { certificateLists: { settings: lists, folder: keptLists } } : {}),
      anchors: options.anchors ?? [],
      ...(options.tls ? { tls: options.tls } : {}),
      ceremony: [
        await ceremonyAdministrator(candidate(adminKeys[0], 'first-administrator')),
        await ceremonyAdministrator(candidate(adminKeys[1], 'second-administrator')),
      ],
    });
  let ledger = await createLedger({ storage, signer });
  let service = await open(ledger);
  const recipientIdentity = await generateIdentity();
  const recipient = await identityToRecipient(recipientIdentity);

  async function send(
    method: 'GET' | 'POST',
    path: string,
    call: CallOptions,
    proof?: string,
  ): Promise<Answer> {
    const payload =
      call.bytes ?? (call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body)));
    const response = await service.app.inject({
      method,
      url: path,
      headers: {
        ...call.headers,
        ...(payload ? { 'content-type': call.contentType ?? 'application/json' } : {}),
        ...(proof === undefined ? {} : { 'griffie-proof': proof }),
      },
      ...(payload ? { payload } : {}),
    });
    const isJson = /[/+]json\b/.test(String(response.headers['content-type']));
    return {
      status: response.statusCode,
      headers: response.headers,
      bytes: response.rawPayload,
      body: isJson ? JSON.parse(response.payload) : {},
    };
  }

  function person(key: SigningKey, credentialId: string, role: Role): Person {
    const sign = (method: string, path: string, body?: Buffer, jti?: string) =>
      signCall({ key, credentialId }, audience, { method, path, body, jti }, clock.now());
    return {
      key,
      credentialId,
      role,
      sign,
      call: async (method, path, call = {}) => {
        const body =
          call.bytes ?? (call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body)));
        const proof = call.proof ?? (await sign(method, path, call.signedBody ?? body, call.jti));
        return send(method, path, call, proof);
      },
    };
  }

  const administrator = person(adminKeys[0], 'first-administrator', 'administrator');
  const secondAdministrator = person(adminKeys[1], 'second-administrator', 'administrator');
  let enrolled = 0;

  const harness: TestService = {
    ...engine,
    get service() {
      return service;
    },
    get ledger() {
      return ledger;
    },
    clock,
    keptLists: lists && keptLists,
    folder,
    administrator,
    secondAdministrator,
    person,
    enrolment: (key, credentialId, personId, role) =>
      enrolmentBody(candidate(key, credentialId), personId, role),
    recipientIdentity,
    caseMasterKeys,
    manifestKey,
    ledgerKey: signer.verifier.vkey,
    anonymous: (method, path, call = {}) => send(method, path, call, call.proof),
    enrol: async (role, personId = `person-${++enrolled}-${randomUUID().slice(0, 8)}`) => {
      const key = await generateKey('ES256');
      const credentialId = `${role}-${++enrolled}`;
      const body = await harness.enrolment(key, credentialId, personId, role);
      const answer = await administrator.call('POST', '/v1/credentials', { body });
      if (answer.status !== 201) throw new Error(`not enrolled: ${answer.body.code}`);
      const path = `/v1/credentials/${key.kid}/confirmation`;
      const confirmed = await secondAdministrator.call('POST', path, { body: { personId, role } });
      if (confirmed.status !== 200) throw new Error(`not confirmed: ${confirmed.body.code}`);
      return person(key, credentialId, role);
    },
    orderDraft: (change = {}) => ({ ...orderDraftFor(recipient), ...change }),
    record: async (registrar, draft = harness.orderDraft()) => {
      const answer = await registrar.call('POST', '/v1/orders', { body: orderBody(draft) });
      if (answer.status !== 201) throw new Error(`not recorded: ${JSON.stringify(answer.body)}`);
      return answer.body.orderId;
    },
    approvedOrder: async (draft) => {
      const orderId = await harness.record(await harness.enrol('registrar'), draft);
      const reviewer = await harness.enrol('reviewer');
      // Whoever approves a domain or a prefix confirms the counts that they were shown.
      const broad = draft?.scope?.broadTargetsOrdered === true;
      const shown = broad ? await reviewer.call('GET', `/v1/orders/${orderId}/estimate`) : undefined;
      const answer = await reviewer.call(
        'POST',
        `/v1/orders/${orderId}/approval`,
        shown && { body: { estimate: shown.body } },
      );
      if (answer.status !== 200) throw new Error(`not approved: ${JSON.stringify(answer.body)}`);
      return orderId;
    },
    finished: async (officer, disclosureId) => {
      for (let tries = 0; tries < 300; tries++) {
        const answer = await officer.call('GET', `/v1/disclosures/${disclosureId}`);
        if (answer.body.ready || answer.body.status === 'Error' || answer.status !== 200) return answer;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error('the disclosure did not finish');
    },
    entries: async () => {
      const found = [];
      for await (const { entry } of ledger.entries()) {
        const { kind, details, evidence } = entry;
        found.push({ kind, details: { ...details }, evidence });
      }
      return found;
    },
    restart: async (whileDown) => {
      await service.close();
      await ledger.close();
      await whileDown?.();
      ledger = await createLedger({ storage, signer });
      service = await open(ledger);
    },
    stop: async () => {
      await service.close();
      const { problems, entries } = await replayOf(harness);
      await ledger.close();
      if (!options.engine) await store.close();
      await rm(folder, { recursive: true, force: true });
      if (problems.length > 0) {
        throw new Error(`of ${entries} entries some do not follow: ${JSON.stringify(problems)}`);
      }
    },
  };
  return harness;
}

/** What the ledgers of tests say of their service. */
export const testConfiguration = (manifestKey: SigningKey): ServiceConfiguration => ({
  software: '0',
  audience,
  retentionPeriod: 'P6M',
  manifestKey: { ...manifestKey.publicJwk },
});

/** A complete order about alice@example.nl, whose packages are for one age recipient. */
export function orderDraftFor(
  recipient: string,
  categories: readonly CategoryId[] = categoryIds,
): OrderDraft {
  return {
    regime: 'NL_DOMESTIC',
    type: 'produce',
    legalBasis: 'Sv 126n',
    dataCategory: 'traffic',
    issuingState: 'NL',
    issuer: { authority: 'Parket Amsterdam', role: 'public_prosecutor', fileReference: '13/123456-26' },
    validatedBy: { name: 'Rechter-commissaris Amsterdam', role: 'examining_judge' },
    addressee: 'Example Mail',
    scope: {
      targets: [{ kind: 'address', value: 'alice@example.nl' }],
      from: '2096-11-01T00:00:00.000Z',
      to: '2096-11-20T00:00:00.000Z',
      categories: [...categories],
    },
    recipients: [{ name: 'Parket Amsterdam', encryptionKey: recipient }],
    issuedAt: '2096-11-19T12:00:00.000Z',
    receivedAt: '2096-11-20T08:00:00.000Z',
    validUntil: '2096-12-20T00:00:00.000Z',
  };
}

export function orderBody(order: unknown): unknown {
  return { order, document: { mediaType: 'application/pdf', content: testPdf.toString('base64') } };
}
