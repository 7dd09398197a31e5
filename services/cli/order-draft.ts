import type { z } from 'zod';
import { checkOrder, type OrderCheck, orderDraftSchema, type Regime, type Regimes } from '#shared/orders';
import { categoryIds } from '#shared/traffic';
import type { CliProblem } from './errors.ts';

/*
 * An order file is the JSON of an order draft. The template that people fill in has an empty string where
 * something is to be written; an empty string therefore means: not there.
 */

/** An order of a regime with all that it must have, complete but for the blanks. Written as an example. */
export function orderTemplate({ id, type, required, issuingState = '' }: Regime): Record<string, unknown> {
  const needs = (path: string): boolean =>
    required.some((member) => member.path === path || member.path.startsWith(`${path}.`));
  return {
    regime: id,
    type,
    legalBasis: '',
    dataCategory: 'traffic',
    issuingState,
    issuer: { authority: '', role: '', fileReference: '', contact: '' },
    ...(type === 'produce' ? { validatedBy: { name: '', role: '', reference: '' } } : {}),
    addressee: '',
    scope: {
      targets: [{ kind: 'address', value: '' }],
      from: '',
      to: '',
      categories: [...categoryIds],
    },
    ...(needs('offence') ? { offence: { provisions: '', threshold: '' } } : {}),
    ...(needs('notification')
      ? { notification: { required: false, enforcingAuthority: '', notifiedAt: '' } }
      : {}),
    ...(needs('recipients') ? { recipients: [{ name: '', encryptionKey: '' }] } : {}),
    reportLanguage: 'en',
    issuedAt: '',
    receivedAt: '',
    validUntil: '',
  };
}

/** The draft without its blanks: empty strings, and what holds nothing else. */
export function withoutBlanks(value: unknown): unknown {
  if (value === '') return undefined;
  if (Array.isArray(value)) {
    const items = value.map(withoutBlanks).filter((item) => item !== undefined);
    return items.length > 0 || value.length === 0 ? items : undefined;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withoutBlanks(member)] as const);
  const present = members.filter(([, member]) => member !== undefined);
  return present.length > 0 || members.length === 0 ? Object.fromEntries(present) : undefined;
}

export type DraftCheck =
  | Extract<OrderCheck, { ok: true }>
  | { readonly ok: false; readonly problems: readonly CliProblem[] };

/**
 * Checks an order file's JSON as the service would at `now`, by these regimes: members that are not well-formed, and then,
 * for the others, what its regime asks for, so that one look names everything there is to mend.
 */
export function checkDraft(json: unknown, now: string, regimes: Regimes): DraftCheck {
  const draft = withoutBlanks(json) ?? {};
  const parsed = orderDraftSchema.safeParse(draft);
  if (parsed.success) return checkOrder(parsed.data, now, regimes);
  const found = parsed.error.issues.flatMap(membersAtFault);
  const malformed = found.map(({ path: members, sentence }) => {
    const path = members.map(String).join('.');
    return hasMember(draft, members)
      ? { path, sentence, kind: 'invalid', rule: 'order.form' }
      : { path, sentence: `${path} is missing`, kind: 'missing', rule: 'order.form' };
  });
  const paths = found.map(({ path }) => path);
  const rest = orderDraftSchema.safeParse(withoutPaths(draft, paths));
  const checked = rest.success ? checkOrder(rest.data, now, regimes) : null;
  const others = checked === null || checked.ok ? [] : checked.problems;
  const isNamed = (path: string): boolean =>
    malformed.some((problem) => problem.path === path || problem.path.startsWith(`${path}.`));
  return { ok: false, problems: [...malformed, ...others.filter(({ path }) => !isNamed(path))] };
}

interface MemberAtFault {
  readonly path: readonly PropertyKey[];
  readonly sentence: string;
}

/** The members that an issue is about: one, or each that the form does not know. */
function membersAtFault(issue: z.core.$ZodIssue): MemberAtFault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, sentence: issue.message }];
  return issue.keys.map((key) => ({ path: [...issue.path, key], sentence: 'is no member of an order' }));
}

function hasMember(draft: unknown, path: readonly PropertyKey[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return true;
  if (typeof draft !== 'object' || draft === null || !Object.hasOwn(draft, first)) return false;
  return hasMember(Reflect.get(draft, first), rest);
}

/** The draft without the members at these paths; an item of a list takes the whole list with it. */
function withoutPaths(draft: unknown, paths: readonly (readonly PropertyKey[])[]): unknown {
  if (typeof draft !== 'object' || draft === null || Array.isArray(draft)) return {};
  return Object.fromEntries(
    Object.entries(draft).flatMap(([name, member]) => {
      const inside = paths.filter(([first]) => first === name).map(([, ...more]) => more);
      if (inside.length === 0) return [[name, member]];
      const isOwn = inside.some((path) => path.length === 0 || typeof path[0] !== 'string');
      return isOwn ? [] : [[name, withoutPaths(member, inside)]];
    }),
  );
}
