import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  type AnyControlEntry,
  type CaseChecker,
  type CaseFinding,
  type ControlEntry,
  type ControlState,
  decideDisclosure,
  type OrderState,
  orderDetails,
  type RecordedRequest,
} from '#shared/control';
import { checkDocumentSignature, mediaTypeOf } from '#shared/order-document';
import {
  checkOrder,
  isWholeScope,
  type Order,
  orderDraftSchema,
  parseTarget,
  type Regimes,
  type RequestedScope,
  type Target,
  targetKinds,
} from '#shared/orders';
import { parseStrictJson } from '#shared/runtime';
import { bodyDigest } from '#shared/signed-request';
import { categoryIds } from '#shared/traffic';
import type { CaseFileResult, CaseReader } from './case-files.ts';

/*
 * Decisions that hang on what an order or a request says, made again from the case files: each file is the
 * one that the ledger commits to, its body is the one that was signed, and the rules come to the same.
 */

const recordBody = z.object({
  /** Of an amendment: the version that it replaces. */
  version: z.int().optional(),
  order: orderDraftSchema,
  document: z.object({ mediaType: z.string(), content: z.string() }),
});
const utc = z.iso.datetime({ offset: true }).transform((value) => new Date(value).toISOString());
const disclosureBody = z.object({
  orderId: z.string(),
  orderVersion: z.int().default(1),
  scope: z
    .object({
      targets: z
        .array(
          z.object({ kind: z.enum(targetKinds), value: z.string(), subaddresses: z.boolean().optional() }),
        )
        .optional(),
      from: utc.optional(),
      to: utc.optional(),
      categories: z.array(z.enum(categoryIds)).optional(),
    })
    .optional(),
});
const requestFile = z.object({ body: z.base64(), scope: z.unknown().optional() });

const follows: CaseFinding = { outcome: 'follows' };
const fault = (text: string): CaseFinding => ({ outcome: 'fault', fault: text });
const gaps = {
  missing: { outcome: 'gap', gap: 'case_file_missing' },
  locked: { outcome: 'gap', gap: 'case_file_locked' },
} as const satisfies Record<string, CaseFinding>;
const otherRules: CaseFinding = { outcome: 'gap', gap: 'other_rules' };
const altered = fault('commits to a case file that is another one now');

/** Thrown inside a check to end it with a finding; never leaves this file. */
class Ended extends Error {
  readonly finding: CaseFinding;
  constructor(finding: CaseFinding) {
    super(finding.outcome);
    this.finding = finding;
  }
}

/**
 * @param cases of the operator's case folder or a copy of it
 * @param regimes in force here; orders under others, or other versions of them, are not judged
 */
export function createCaseChecker(cases: CaseReader, regimes: Regimes): CaseChecker {
  return async (state, entry, request) => {
    try {
      return await check(cases, regimes, state, entry, request);
    } catch (error) {
      if (error instanceof Ended) return error.finding;
      throw error;
    }
  };
}

async function check(
  cases: CaseReader,
  regimes: Regimes,
  state: ControlState,
  entry: AnyControlEntry,
  request: RecordedRequest,
): Promise<CaseFinding> {
  switch (entry.kind) {
    case 'order.recorded':
    case 'order.amended':
      return checkVersion(cases, regimes, entry, request);
    case 'disclosure.requested':
    case 'disclosure.refused':
      return checkDisclosure(cases, state, entry, request);
    default:
      return follows;
  }
}

async function checkVersion(
  cases: CaseReader,
  regimes: Regimes,
  entry: ControlEntry<'order.recorded'> | ControlEntry<'order.amended'>,
  { claims }: RecordedRequest,
): Promise<CaseFinding> {
  const { subject = '', at, commitments = {}, details } = entry;
  const file = async (name: string) =>
    opened(await cases.read(subject, `${name}-v${details.version}`, commitments[name]));
  const [order, document, body] = [await file('order'), await file('document'), await file('request')];
  if (bodyDigest(body) !== claims.bdh) return fault('keeps another request than the one that was signed');
  const asked = parse(body, recordBody);
  const sha256 = createHash('sha256').update(document).digest('hex');
  const kept = json(order);
  const { mediaType, content } = asked.document;
  if (!Buffer.from(content, 'base64').equals(document)) {
    return fault('keeps another document than the one that was signed');
  }
  const { signature, ...bare } = Object(member(kept, 'document'));
  if (!isDeepStrictEqual(bare, { mediaType, bytes: document.length, sha256 })) {
    return fault('keeps an order with another document');
  }
  const signatureFault = await checkSignature(document, details.documentSignature, signature, at);
  if (signatureFault !== null) return fault(signatureFault);
  if (entry.kind === 'order.amended' && asked.version !== details.version - 1) {
    return fault('replaces another version than its request names');
  }
  const { regime } = asked.order;
  if (regime === undefined) return fault('records an order without a regime');
  if (regimes.get(regime)?.version !== details.regimeVersion) return otherRules;
  const checked = checkOrder(asked.order, at, regimes);
  if (!checked.ok) return fault('records an order that the rules refuse');
  if (!isDeepStrictEqual(plain(checked.order), member(kept, 'order'))) {
    return fault('keeps another order than the one that was signed');
  }
  return isDeepStrictEqual(
    plain(orderDetails(checked.order, details.version, details.documentSignature)),
    plain(details),
  )
    ? follows
    : fault('says something else of its order than the order does');
}

/**
 * Whether what the ledger says of the document's signature is what the case file says, and what the document
 * bears. Whom it may lead to is the operator's configuration and not asked here.
 */
async function checkSignature(
  document: Uint8Array,
  recorded: ControlEntry<'order.recorded'>['details']['documentSignature'],
  kept: unknown,
  at: string,
): Promise<string | null> {
  if (recorded === undefined) return null;
  const [state, reason] = [member(kept, 'state'), member(kept, 'reason')];
  if (state !== recorded.state || reason !== recorded.reason)
    return 'says something else of a signature than its case file';
  const type = mediaTypeOf(document);
  if (type === null) return 'keeps a document that the service would not have taken';
  const found = await checkDocumentSignature(type, document, { certificates: [] }, Date.parse(at));
  const isRight = found.reason === 'signature.no_anchors';
  const mayBe = isRight
    ? recorded.state === 'valid' ||
      recorded.reason === 'signature.no_anchors' ||
      recorded.reason === 'signature.not_trusted'
    : recorded.state === found.state && recorded.reason === found.reason;
  return mayBe ? null : 'says something else of a signature than its document bears';
}

async function checkDisclosure(
  cases: CaseReader,
  state: ControlState,
  entry: ControlEntry<'disclosure.requested'> | ControlEntry<'disclosure.refused'>,
  { claims }: RecordedRequest,
): Promise<CaseFinding> {
  const { orderId } = entry.details;
  const recorded = state.orders.get(orderId);
  if (!recorded) return fault('names an order that was not recorded');
  const name = `request-${entry.subject ?? ''}`;
  const kept = parse(opened(await cases.read(orderId, name, entry.commitments?.request)), requestFile);
  const body = Buffer.from(kept.body, 'base64');
  if (bodyDigest(body) !== claims.bdh) return fault('keeps another request than the one that was signed');
  const asked = parse(body, disclosureBody);
  if (asked.orderId !== orderId) return fault('names another order than its request');
  if (asked.orderVersion !== (entry.details.orderVersion ?? 1)) {
    return fault('names another version of its order than its request');
  }
  const order = await orderOf(cases, recorded);
  const named = { orderId, version: asked.orderVersion };
  const decision = decideDisclosure(state, named, order, requestedScope(asked.scope), entry.at);
  if (entry.kind === 'disclosure.refused') {
    const same = !decision.ok && isDeepStrictEqual([...decision.codes], entry.details.codes);
    return same ? follows : fault('refuses, and the rules decide otherwise');
  }
  if (!decision.ok) return fault('was allowed, and asks for more than its order');
  // Before there were holds, nothing was said of it.
  if (entry.details.whole === true && !isWholeScope(order, decision.scope)) {
    return fault('says that it asks for all of its order, and asks for a part');
  }
  return isDeepStrictEqual(plain(decision.scope), kept.scope)
    ? follows
    : fault('keeps another scope than the rules come to');
}

async function orderOf(cases: CaseReader, { orderId, details, commitments }: OrderState): Promise<Order> {
  const bytes = opened(await cases.read(orderId, `order-v${details.version}`, commitments.order));
  // Its form is vouched for by the digest: `checkVersion` has held the same bytes to the rules.
  return member(json(bytes), 'order') as Order;
}

function requestedScope(scope: z.infer<typeof disclosureBody>['scope']): RequestedScope {
  if (scope === undefined) return {};
  const { targets, ...rest } = scope;
  if (targets === undefined) return rest;
  const parsed = targets.map(({ kind, value, subaddresses }): Target => {
    const result = parseTarget(kind, value, subaddresses);
    if (!result.ok) throw new Ended(fault('carries a request that the service would not have read'));
    return result.target;
  });
  return { ...rest, targets: parsed };
}

function opened(result: CaseFileResult): Uint8Array {
  if (result.ok) return result.bytes;
  throw new Ended(result.reason === 'altered' ? altered : gaps[result.reason]);
}

function json(bytes: Uint8Array): unknown {
  const parsed = parseStrictJson(bytes);
  if (!parsed.ok) throw new Ended(fault('keeps a case file that cannot be read'));
  return parsed.value;
}

function parse<T>(bytes: Uint8Array, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(json(bytes));
  if (!parsed.success) throw new Ended(fault('keeps a case file that cannot be read'));
  return parsed.data;
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** As it comes back from JSON: without members that are undefined. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));
