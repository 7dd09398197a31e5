import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { createDisclosureService, type DisclosureService } from '#services/disclosure';
import { createMasterKey, generateMasterKey } from '#shared/case-files';
import { certificateDigest, certificatesHeader, chainDigest, writeChainHeader } from '#shared/certificates';
import type { Role } from '#shared/control';
import {
  createNoteSigner,
  generateNoteKey,
  type LedgerOrder,
  type LedgerStorage,
  type NoteVerifier,
} from '#shared/ledger';
import { createOrderedLedger, createTileDirectory, type OrderedLedger } from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import { generateKey, type SigningKey } from '#shared/signed-request';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  type TrafficStore,
} from '#shared/store';
import { ceremonyAdministrator, enrolmentBody } from './enrolment.ts';
import { testEvent } from './events.ts';
import { signCall } from './signed-call.ts';
import { createTestClock } from './test-clock.ts';
import {
  type AnswerBody,
  audience,
  orderBody,
  orderDraftFor,
  testConfiguration,
  testStart,
} from './test-service.ts';

export interface ReplicaAnswer {
  readonly status: number;
  readonly bytes: Buffer;
  readonly body: AnswerBody;
}

export interface Who {
  readonly key: SigningKey;
  readonly credentialId: string;
  readonly role: Role;
}

/** The disclosure API of one replica, with its own copy of the ledger. */
export interface Replica {
  readonly ledger: OrderedLedger;
  readonly files: LedgerStorage;
  readonly service: DisclosureService;
  call(
    who: Who,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    proof?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ReplicaAnswer>;
  stop(): Promise<void>;
}

/** An installation of several replicas in one process: shared keys, case files and packages. */
export class Replicas {
  readonly clock = createTestClock(testStart);
  readonly #signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
  readonly #openOrder: () => Promise<LedgerOrder>;
  #folder = '';
  #store: TrafficStore | undefined;
  readonly #caseMasterKey = createMasterKey(generateMasterKey());
  #recipient = '';
  #manifestKey: SigningKey | undefined;
  #administrators: readonly [Who, Who] | undefined;
  #enrolled = 0;

  readonly #anchors: readonly Uint8Array[];

  /** @param anchors of certificates, DER; with some, revocation lists are asked, too */
  constructor(openOrder: () => Promise<LedgerOrder>, anchors: readonly Uint8Array[] = []) {
    this.#openOrder = openOrder;
    this.#anchors = anchors;
  }

  /** Where revocation lists in use are kept. */
  get keptLists(): string {
    return join(this.#folder, 'revocation-lists');
  }

  /** Where a replica's own revocation list is put. */
  listOf(name: string): string {
    return join(this.#folder, `${name}.crl`);
  }

  async make(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'griffie-replicas-'));
    const database = await openEmbeddedDatabase({ folder: join(this.#folder, 'engine') });
    this.#store = createTrafficStore(database, { retention: defaultRetention });
    const migrations = await loadMigrations();
    await createMigrations(database, { retention: defaultRetention, migrations }).apply();
    await this.#store.insertEvents([testEvent()], { deduplicationToken: 'a' });
    this.#recipient = await identityToRecipient(await generateIdentity());
    this.#manifestKey = await generateKey('EdDSA');
    const administrator = async (credentialId: string): Promise<Who> => ({
      key: await generateKey('ES256'),
      credentialId,
      role: 'administrator',
    });
    this.#administrators = [
      await administrator('first-administrator'),
      await administrator('second-administrator'),
    ];
  }

  get verifier(): NoteVerifier {
    return this.#signer.verifier;
  }

  get administrator(): Who {
    if (!this.#administrators) throw new Error('not made');
    return this.#administrators[0];
  }

  get secondAdministrator(): Who {
    if (!this.#administrators) throw new Error('not made');
    return this.#administrators[1];
  }

  get store(): TrafficStore {
    if (!this.#store) throw new Error('not made');
    return this.#store;
  }

  /** @param name of the replica's own folder; the same name is the same replica, started again */
  async start(name: string, store = this.store): Promise<Replica> {
    const manifest = this.#manifestKey;
    if (!manifest) throw new Error('not made');
    const files = createTileDirectory(join(this.#folder, name));
    const ledger = await createOrderedLedger({
      order: await this.#openOrder(),
      cache: files,
      signer: this.#signer,
      secret: Buffer.alloc(32, 7),
      logger: silentLogger,
    });
    const asksLists = this.#anchors.length > 0;
    const settings = { path: this.listOf(name), required: [], warnHours: 24 };
    const service = await createDisclosureService({
      ledger,
      ledgerFiles: files,
      ledgerKey: this.verifier.vkey,
      store,
      clock: this.clock,
      logger: silentLogger,
      manifestSigner: { kid: manifest.kid, privateKey: manifest.privateKey },
      caseMasterKey: this.#caseMasterKey,
      caseFolder: join(this.#folder, 'cases'),
      packageFolder: join(this.#folder, 'packages'),
      replica: name,
      operator: 'Example Mail',
      configuration: {
        ...testConfiguration(manifest),
        ...(asksLists ? { anchors: this.#anchors.map(certificateDigest), revocation: { required: [] } } : {}),
      },
      anchors: this.#anchors,
      ...(asksLists ? { certificateLists: { settings, folder: this.keptLists } } : {}),
      ceremony: [
        await ceremonyAdministrator(this.#candidate(this.administrator, Date.parse(testStart))),
        await ceremonyAdministrator(this.#candidate(this.secondAdministrator, Date.parse(testStart))),
      ],
    });
    await service.start({ host: '127.0.0.1', port: 0 });
    return {
      ledger,
      files,
      service,
      call: (...args) => this.#call(service, ...args),
      stop: async () => {
        await service.close();
        await ledger.close();
      },
    };
  }

  #candidate({ key, credentialId }: Who, at = this.clock.now()) {
    return { key, credentialId, audience, now: at };
  }

  /** @param certify gives the certificates of the key, if it is to have some */
  async enrol(
    at: Replica,
    role: Role,
    certify?: (key: SigningKey) => Promise<readonly Uint8Array[]>,
  ): Promise<Who> {
    const credentialId = `${role}-${++this.#enrolled}`;
    const who: Who = { key: await generateKey('ES256'), credentialId, role };
    const chain = await certify?.(who.key);
    const body = {
      ...(await enrolmentBody(this.#candidate(who), credentialId, role)),
      ...(chain ? { chainSha256: chainDigest(chain) } : {}),
    };
    const headers = chain ? { [certificatesHeader]: writeChainHeader(chain) } : {};
    const answer = await at.call(this.administrator, 'POST', '/v1/credentials', body, undefined, headers);
    if (answer.status !== 201) throw new Error(`not enrolled: ${answer.body.code}`);
    const path = `/v1/credentials/${who.key.kid}/confirmation`;
    const confirmed = await at.call(this.secondAdministrator, 'POST', path, { personId: credentialId, role });
    if (confirmed.status !== 200) throw new Error(`not confirmed: ${confirmed.body.code}`);
    return who;
  }

  /** Records an order about alice@example.nl. */
  async record(at: Replica, registrar: Who): Promise<string> {
    const draft = orderDraftFor(this.#recipient, ['sender', 'recipient']);
    const answer = await at.call(registrar, 'POST', '/v1/orders', orderBody(draft));
    if (answer.status !== 201) throw new Error(`not recorded: ${JSON.stringify(answer.body)}`);
    return answer.body.orderId;
  }

  sign(who: Who, method: string, path: string, body: unknown): Promise<string> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return signCall(who, audience, { method, path, body: bytes }, this.clock.now());
  }

  async #call(
    { app }: DisclosureService,
    who: Who,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    proof?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ReplicaAnswer> {
    const response = await app.inject({
      method,
      url: path,
      headers: {
        ...headers,
        'griffie-proof': proof ?? (await this.sign(who, method, path, body)),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: Buffer.from(JSON.stringify(body)) }),
    });
    const isJson = String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      bytes: response.rawPayload,
      body: isJson ? JSON.parse(response.payload) : {},
    };
  }

  /** After the replicas were stopped. */
  async remove(): Promise<void> {
    await this.#store?.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until replicas have followed the order equally far. */
export async function untilLevel(...replicas: readonly Replica[]): Promise<number> {
  for (let tries = 0; tries < 600; tries++) {
    const sizes = replicas.map(({ ledger }) => ledger.checkpoint().size);
    if (new Set(sizes).size === 1) return sizes[0] ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the replicas did not become level');
}

export interface Told {
  readonly index: number;
  readonly kind: string;
  readonly subject: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

export async function entriesOf({ ledger }: Replica, from = 0): Promise<Told[]> {
  const found: Told[] = [];
  for await (const { index, entry } of ledger.entries(from)) {
    found.push({ index, kind: entry.kind, subject: entry.subject, details: { ...entry.details } });
  }
  return found;
}
