import type { IssuerRole, RegimeId } from './order.ts';

/** A rule with where it stands, for the person who has to mend the order. */
export interface Rule {
  /** Stable name, recorded in the ledger. */
  readonly id: string;
  /** Article, clause or decision; `[M]` marks what counsel has yet to confirm. */
  readonly source: string;
}

/** A member that must be there. `path` is a JSON path into the order draft, dots between members. */
export interface RequiredMember extends Rule {
  readonly path: string;
}

/** The rules of one legal regime, as data. A change of a rule raises `version`. */
export interface Regime {
  readonly id: RegimeId;
  readonly version: string;
  readonly title: string;
  readonly type: 'produce' | 'preserve';
  readonly required: readonly RequiredMember[];
  /** Roles that may issue it alone. */
  readonly issuers: readonly IssuerRole[];
  /** Roles that may issue it where a judge or court validated it. */
  readonly issuersIfValidated: readonly IssuerRole[];
  readonly issuerRule: Rule;
  /** Legal bases that do not carry traffic data. */
  readonly refusedLegalBases: readonly (Rule & { readonly pattern: RegExp })[];
}

const judges: readonly IssuerRole[] = ['judge', 'court', 'investigating_judge', 'examining_judge'];

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

const epocOffence: readonly RequiredMember[] = [
  {
    path: 'offence.provisions',
    id: 'epoc.offence',
    source: 'Regulation (EU) 2023/1543, Art. 5(5)(f): the applicable provisions of criminal law',
  },
  {
    path: 'offence.threshold',
    id: 'epoc.threshold',
    source: 'Regulation (EU) 2023/1543, Art. 5(4): three years or a listed offence',
  },
];

export const regimes: Readonly<Record<RegimeId, Regime>> = {
  NL_DOMESTIC: {
    id: 'NL_DOMESTIC',
    version: '2026-11-22',
    title: 'Netherlands: order of the public prosecutor for traffic data',
    type: 'produce',
    required: [
      ...always,
      ...release,
      {
        path: 'validatedBy',
        id: 'nl.prior_authorisation',
        source:
          'Sv 126n with HR 5 April 2022, ECLI:NL:HR:2022:475 [M]: prior authorisation of the examining judge',
      },
    ],
    issuers: [],
    issuersIfValidated: ['public_prosecutor'],
    issuerRule: {
      id: 'nl.issuer',
      source: 'Sv 126n: the public prosecutor, authorised by the examining judge',
    },
    refusedLegalBases: [
      { id: 'nl.126na', pattern: /126\s*na/i, source: 'Sv 126na is for subscriber data only [M]' },
    ],
  },
  EU_EPOC: {
    id: 'EU_EPOC',
    version: '2026-11-22',
    title: 'European Production Order Certificate',
    type: 'produce',
    required: [...always, ...release, ...epocOffence],
    issuers: judges,
    issuersIfValidated: ['public_prosecutor', 'other'],
    issuerRule: {
      id: 'epoc.issuer',
      source:
        'Regulation (EU) 2023/1543, Art. 4(2): a judge, a court or an investigating judge, or validated by one',
    },
    refusedLegalBases: [],
  },
  EU_EPOC_PR: {
    id: 'EU_EPOC_PR',
    version: '2026-11-22',
    title: 'European Preservation Order Certificate',
    type: 'preserve',
    required: [...always],
    issuers: [...judges, 'public_prosecutor'],
    issuersIfValidated: ['other'],
    issuerRule: { id: 'epoc_pr.issuer', source: 'Regulation (EU) 2023/1543, Art. 4(3)' },
    refusedLegalBases: [],
  },
};

/** Roles that can validate or authorise an order of another authority. */
export const validatorRoles: readonly IssuerRole[] = judges;
