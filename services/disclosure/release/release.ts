import { rm } from 'node:fs/promises';
import { v7 as uuidv7 } from 'uuid';
import type { CaseFiles } from '#shared/case-files';
import { type DisclosureState, decideRelease, readableHolds } from '#shared/control';
import {
  type Manifest,
  type ManifestSigner,
  type StagedPackage,
  sealPackage,
  stagePackage,
} from '#shared/disclosure-package';
import type { Ledger } from '#shared/ledger';
import type { Scope } from '#shared/orders';
import { type Clock, softwareVersion, utc } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import type { ControlPlane } from '../control/control-plane.ts';
import { getOrder } from '../control/order-file.ts';
import { getRequest } from '../control/request-file.ts';
import { abortable } from './abortable.ts';
import { originsOf } from './origins.ts';
import type { PackageFolder } from './packages.ts';
import type { ReleaseProgress } from './progress.ts';
import { windowOfRelease } from './window.ts';

export interface ReleaseDeps {
  readonly control: ControlPlane;
  readonly ledger: Ledger;
  readonly cases: CaseFiles;
  readonly store: TrafficStore;
  readonly packages: PackageFolder;
  readonly signer: ManifestSigner;
  readonly operator: string;
  readonly clock: Clock;
}

/** Why a disclosure that was allowed came to nothing. Recorded as `disclosure.failed`. */
export class ReleaseRefused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.name = 'ReleaseRefused';
    this.code = code;
  }
}

/** Why a release was given up on the way: nothing was announced, and what was staged is gone. */
export class ReleaseStopped extends Error {
  readonly code: 'disclosure.cancelled' | 'service.stopping';
  constructor(code: ReleaseStopped['code']) {
    super(code);
    this.name = 'ReleaseStopped';
    this.code = code;
  }
}

/** A hold that was read ended before the package was announced. The release is tried again. */
class HoldEnded extends Error {
  readonly code = 'hold.ended';
  constructor() {
    super('a hold ended while it was read');
    this.name = 'HoldEnded';
  }
}

/** How a release is watched and given up. */
export interface ReleaseWatch {
  /** Aborted with a `ReleaseStopped`. Of no effect once the package is announced: then it is sealed. */
  readonly signal: AbortSignal;
  tell(progress: ReleaseProgress): void;
}

interface StagedRelease extends StagedPackage {
  /** Orders whose holds were read for it. */
  readonly holds: readonly string[];
}

/*
 * Several replicas may come to make the package of one disclosure: one of them announces its own, and the
 * others discard theirs. An announced package that its replica did not come to seal is sealed by another.
 *
 * Order of a release: stage the package (ciphertext on our disk, nobody can fetch it) → append
 * `disclosure.released` with its digest → receipt → seal. Only a sealed package is served, so that the
 * entry which says what is released is durable before the first byte leaves.
 *
 * What holds at any instant, however many records there are: the entry names the digest of one staged
 * manifest, and that names the digest of every part. Before the entry (a crash, a cancellation, an
 * interruption) what is staged is rubbish that nobody was told of: it is removed, and the next attempt
 * makes a package from the start, with other keys and the same records in the same order. After the entry
 * nothing is made again: the staged package, synced before it was announced, is the one that is sealed.
 */

/** Stages, announces and seals the package of one allowed request. */
export async function release(deps: ReleaseDeps, disclosureId: string, watch: ReleaseWatch): Promise<void> {
  const { control, packages } = deps;
  // A step of its own, because it settles first whether an append that stayed in doubt was done: a package
  // that is announced must not be made again, and its staging folder is the only copy.
  const { result: disclosure } = await control.transact((state) => ({
    entries: [],
    result: state.disclosures.get(disclosureId),
  }));
  if (!disclosure) throw new ReleaseRefused('disclosure.unknown');
  if (disclosure.status === 'Cancelled') throw new ReleaseStopped('disclosure.cancelled');
  if (disclosure.failure !== undefined) throw new ReleaseRefused(disclosure.failure);
  if (disclosure.released === undefined) {
    await packages.discard(disclosureId);
    const staged = await stage(deps, disclosure, watch);
    watch.signal.throwIfAborted();
    // Another replica was quicker, and seals what it announced.
    if (!(await announce(deps, disclosure, staged))) return packages.discard(disclosureId);
  }
  await seal(deps, disclosureId);
}

/** @returns whether the package was announced; false where the disclosure had ended meanwhile. */
async function announce(
  { control }: ReleaseDeps,
  { disclosureId, orderId, orderVersion }: DisclosureState,
  { manifest, digests, origins, holds }: StagedRelease,
): Promise<boolean> {
  const sources = originsOf(origins);
  const { result } = await control.transact((state, at) => {
    const { status } = state.disclosures.get(disclosureId) ?? {};
    if (status === 'Cancelled') throw new ReleaseStopped('disclosure.cancelled');
    if (status !== 'AwaitingDisclosure') return { entries: [], result: false };
    // Asked again: the order may have ended, or be another one now, while the package was made.
    const decision = decideRelease(state, { orderId, version: orderVersion }, at);
    if (!decision.ok) throw new ReleaseRefused(decision.code);
    // A hold that ended on the way may have been read in part: the package is made again, without it.
    const readable = readableHolds(state, decision.order, at).map((hold) => hold.orderId);
    if (!holds.every((id) => readable.includes(id))) throw new HoldEnded();
    return {
      entries: [
        {
          kind: 'disclosure.released',
          at,
          actor: { service: 'disclosure' },
          subject: disclosureId,
          details: {
            orderId,
            packageId: manifest.packageId,
            records: manifest.records,
            parts: manifest.parts.length,
            bytes: manifest.parts.reduce((sum, part) => sum + part.encryptedBytes, 0),
            completeness: manifest.completeness.state,
            manifestSha256: digests.encryptedManifest,
            ...(sources === undefined ? {} : { origins: sources }),
            ...(holds.length > 0 ? { holds: [...holds] } : {}),
          },
        },
      ],
      result: true,
    };
  });
  return result;
}

async function seal({ control, ledger, packages }: ReleaseDeps, disclosureId: string): Promise<void> {
  const released = control.state.disclosures.get(disclosureId)?.released;
  if (!released) throw new ReleaseRefused('disclosure.not_announced');
  // Sealed already: what this replica may have staged beside it is of no use.
  if (await packages.isSealed(disclosureId)) return packages.discard(disclosureId);
  const staged = await packages.findStaged(disclosureId, released.details.manifestSha256);
  if (staged === null) throw new ReleaseRefused('package.staging');
  const receipt = await ledger.inclusionReceipt(released.index);
  const [sealed, temporary] = [packages.sealedPath(disclosureId), packages.temporaryPath(disclosureId)];
  try {
    await sealPackage(staged, Buffer.from(receipt), sealed, temporary);
  } catch (error) {
    // Of two replicas that seal one package one renames its folder, and the other does not find it any more.
    if (!(await packages.isSealed(disclosureId))) throw error;
    await rm(temporary, { force: true });
  }
}

async function stage(
  deps: ReleaseDeps,
  disclosure: DisclosureState,
  { signal, tell }: ReleaseWatch,
): Promise<StagedRelease> {
  const { control, cases, store, packages, clock } = deps;
  const { disclosureId, orderId } = disclosure;
  const orderState = control.state.orders.get(orderId);
  if (!orderState) throw new ReleaseRefused('order.unknown');
  const { order } = await getOrder(cases, orderState);
  const { scope } = await getRequest(cases, disclosure);
  const now = clock.now();
  const holds = readableHolds(control.state, orderState, utc(now));
  const { window, reasons } = windowOfRelease(scope, await store.dataWindow(now, holds));
  const reading = store.readReleased(scope, { now, holds });
  const staged = await stagePackage({
    folder: packages.stagingPath(disclosureId),
    records: abortable(reading, signal),
    told: tell,
    recipients: order.recipients.map(({ encryptionKey }) => encryptionKey),
    signer: deps.signer,
    packageId: uuidv7({ msecs: now }),
    orderId,
    requestId: disclosureId,
    createdAt: utc(now),
    softwareVersion,
    query: manifestQuery(scope, reading.query),
    window,
    incompleteBecause: () => reasons,
    report: {
      language: order.reportLanguage,
      operatorName: deps.operator,
      order: {
        regime: order.regime,
        legalBasis: order.legalBasis,
        authority: order.issuer.authority,
        fileReference: order.issuer.fileReference,
        issuedAt: order.issuedAt,
        receivedAt: order.receivedAt,
      },
    },
  });
  return { ...staged, holds: holds.map((hold) => hold.orderId) };
}

function manifestQuery(
  scope: Scope,
  query: { text: string; parameters: Readonly<Record<string, string | number | readonly string[]>> },
): Manifest['query'] {
  const parameters = Object.entries(query.parameters).map(
    ([name, value]): [string, string | number | string[]] => [
      name,
      typeof value === 'object' ? [...value] : value,
    ],
  );
  return {
    scope: {
      ...scope,
      targets: scope.targets.map((target) => ({ ...target })),
      categories: [...scope.categories],
    },
    text: query.text,
    parameters: Object.fromEntries(parameters),
  };
}
