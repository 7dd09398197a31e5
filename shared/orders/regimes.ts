import { z } from 'zod';
import type { IssuerRole, RegimeId } from './order.ts';
import { type GroundUse, type RegimeFile, regimeSchema } from './regime-schema.ts';

/** A rule with where it stands, for the person who has to mend the order. */
export interface Rule {
  readonly id: string;
  readonly source: string;
}

/** A member that must be there. `path` is a path into the order draft, dots between members. */
export interface RequiredMember extends Rule {
  readonly path: string;
}

/** A regime in force here: its data file, with the members that every order needs. */
export type Regime = Readonly<RegimeFile>;

/** The regimes in force, by id. Made only by `createRegimes`. */
export type Regimes = ReadonlyMap<RegimeId, Regime>;

/** Members that every order needs, because without them Griffie could not judge or release. */
const always: readonly RequiredMember[] = [
  { path: 'type', id: 'order.type', source: 'Griffie: production or preservation' },
  { path: 'legalBasis', id: 'order.legal_basis', source: 'Griffie: every release states its legal basis' },
  { path: 'dataCategory', id: 'order.data_category', source: 'Griffie: only traffic data are held' },
  { path: 'issuingState', id: 'order.issuing_state', source: 'Regulation (EU) 2023/1543, Art. 28(4)' },
  { path: 'issuer.authority', id: 'order.issuer', source: 'Griffie: who ordered it' },
  { path: 'issuer.role', id: 'order.issuer_role', source: 'Griffie: who may issue depends on the role' },
  {
    path: 'issuer.fileReference',
    id: 'order.file_reference',
    source: 'Griffie: the order must be traceable',
  },
  {
    path: 'addressee',
    id: 'order.addressee',
    source: 'Griffie: the order must be addressed to this operator',
  },
  { path: 'scope.targets', id: 'order.targets', source: 'Griffie: no release without a named target' },
  { path: 'scope.from', id: 'order.from', source: 'Griffie: no release without a window' },
  { path: 'scope.to', id: 'order.to', source: 'Griffie: no release without a window' },
  { path: 'scope.categories', id: 'order.categories', source: 'Griffie: which of the seven categories' },
  { path: 'issuedAt', id: 'order.issued_at', source: 'Griffie: the order must be dated' },
  {
    path: 'receivedAt',
    id: 'order.received_at',
    source: 'Regulation (EU) 2023/1543, recital 19: data stored at receipt',
  },
  { path: 'validUntil', id: 'order.valid_until', source: 'Griffie: an order without an end is not recorded' },
];

const release: readonly RequiredMember[] = [
  {
    path: 'recipients',
    id: 'order.recipients',
    source: 'Griffie: a package is encrypted to keys that the order names',
  },
];

/** Roles that can validate or authorise an order of another authority. */
export const validatorRoles: readonly IssuerRole[] = [
  'judge',
  'court',
  'investigating_judge',
  'examining_judge',
];

export type RegimesResult =
  | { readonly ok: true; readonly regimes: Regimes }
  /** Names the file that is wrong, and what in it. */
  | { readonly ok: false; readonly file: string; readonly problem: string };

/**
 * The regimes of these data files: JSON that was parsed, each under the name of its file. Strict: an unknown
 * member, a path that no order has or an id that is not the file's name refuses them all.
 */
export function createRegimes(files: ReadonlyMap<string, unknown>): RegimesResult {
  const regimes = new Map<RegimeId, Regime>();
  for (const [name, content] of files) {
    const parsed = regimeSchema.safeParse(content);
    if (!parsed.success) return { ok: false, file: name, problem: firstProblem(parsed.error) };
    const { data } = parsed;
    if (data.id !== name) return { ok: false, file: name, problem: `id is ${data.id}, not the file's name` };
    const ids = data.grounds.map(({ id }) => id);
    if (new Set(ids).size !== ids.length)
      return { ok: false, file: name, problem: 'a ground is there twice' };
    if ((data.type === 'preserve') !== (data.preservation !== undefined))
      return { ok: false, file: name, problem: 'preservation is for orders to preserve, and they need it' };
    const own = data.type === 'produce' ? [...always, ...release] : always;
    regimes.set(data.id, { ...data, required: [...own, ...data.required] });
  }
  return { ok: true, regimes };
}

function firstProblem({ issues }: z.ZodError): string {
  const [issue] = issues;
  return issue === undefined ? 'unreadable' : `${z.core.toDotPath(issue.path)}: ${issue.message}`;
}

/** Grounds of the regime for one use; null where one of the ids is none of them, or none is named. */
export function groundsOf(regime: Regime, use: GroundUse, ids: readonly string[]): Regime['grounds'] | null {
  const found = ids.map((id) =>
    regime.grounds.find((ground) => ground.id === id && ground.uses.includes(use)),
  );
  const isKnown = found.length > 0 && found.every((ground) => ground !== undefined);
  return isKnown ? found : null;
}
