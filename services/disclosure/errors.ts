import type { CertificateRefusal } from '#shared/certificates';
import { type ProofRefusalCode, proofRefusals, publicKeyRefusals } from '#shared/signed-request';
import { type ErrorRow, row } from './error-row.ts';
import { holdErrors } from './hold-errors.ts';
import { orderErrors } from './order-errors.ts';

/** Every error that the API answers, by its stable code. The documents list exactly these. */
const ownErrors = {
  'request.media_type': row(415, 'Media type not supported', 'Send the body as application/json.'),
  'request.too_large': row(
    413,
    'Body too large',
    'Shorten the body; the bound is in the OpenAPI description.',
  ),
  'request.malformed_json': row(400, 'Body is no JSON', 'Send UTF-8 JSON in which no member is repeated.'),
  'request.invalid': row(422, 'Request invalid', 'Mend the members named in `problems`.'),
  'request.not_found': row(
    404,
    'No such resource',
    'Check the path; the OpenAPI description lists them all.',
  ),
  'request.unreadable': row(400, 'Request unreadable', 'Send a well-formed HTTP request.'),
  'request.headers_too_large': row(
    431,
    'Headers too large',
    'Shorten the URL and the headers; all of them together have at most 16,384 bytes.',
  ),
  'request.timeout': row(408, 'Request too slow', 'Send the whole request within 30 seconds.'),
  'request.rate': row(
    429,
    'Too many requests',
    'Wait as many seconds as Retry-After says; sign anew, and send fewer at a time.',
  ),
  'access.role': row(403, 'Role not allowed', 'Use a credential of the role that the description names.'),
  'credential.unknown': row(
    404,
    'Credential unknown',
    'List the credentials and use a thumbprint from there.',
  ),
  'credential.exists': row(
    409,
    'Key enrolled already',
    'Make a new key; a key is enrolled once and never again.',
  ),
  'credential.validity': row(
    422,
    'Validity impossible',
    'Let notAfter follow notBefore, at most three years later, and no certificate end before it.',
  ),
  'credential.possession': row(
    422,
    'Possession of the key not proven',
    'Ask its holder to run `griffie key public` again; what it writes is for one service and good for thirty days.',
  ),
  'credential.passkey_model': row(
    422,
    'Authenticator not allowed',
    'Register with an authenticator of a model that the operator names, and let the browser pass its attestation on.',
  ),
  'credential.roles': row(
    409,
    'Roles exclude each other',
    'Revoke the person’s other credential first; only registrar and reviewer go together.',
  ),
  'credential.certificate': row(
    409,
    'Credential with a certificate',
    'Ask the administrators to enrol the new key with its certificate.',
  ),
  'credential.own_enrolment': row(
    403,
    'Own enrolment',
    'Another administrator must confirm what you enrolled.',
  ),
  'credential.confirmed': row(409, 'Credential confirmed already', 'Nothing is left to confirm.'),
  'credential.confirmation_differs': row(
    409,
    'Not what was enrolled',
    'Ask the other administrator: the credential was enrolled for another person or role than you say.',
  ),
  'credential.revoked': row(409, 'Credential revoked already', 'Nothing is left to do.'),
  'credential.last_administrator': row(
    409,
    'Last administrator',
    'Enrol another administrator first; without one nobody could enrol or revoke.',
  ),
  ...orderErrors,
  ...holdErrors,
  'scope.target_not_in_order': row(
    403,
    'Target not in the order',
    'Ask only for targets that the order names.',
  ),
  'scope.window_not_in_order': row(403, 'Window not in the order', 'Stay within the window of the order.'),
  'scope.window_reversed': row(422, 'Window reversed', 'Let `to` follow `from`.'),
  'scope.category_not_in_order': row(
    403,
    'Category not in the order',
    'Ask only for categories that the order names.',
  ),
  'disclosure.unknown': row(404, 'Disclosure unknown', 'Use the id that the request was answered with.'),
  'disclosure.not_yours': row(403, 'Not your disclosure', 'Only the officer who asked for it may fetch it.'),
  'disclosure.not_ready': row(409, 'Package not ready', 'Follow the status and fetch once it is Disclosed.'),
  'disclosure.failed': row(
    500,
    'Disclosure failed',
    'Ask the operator to look at the log; then request it again.',
  ),
  'disclosure.ended': row(409, 'Disclosure ended already', 'Nothing is left to cancel; see its status.'),
  'disclosure.cancelled': row(
    409,
    'Disclosure cancelled',
    'Nothing was released; request it again if it is needed.',
  ),
  'disclosure.package_removed': row(
    410,
    'Package removed',
    'Packages can be fetched for thirty days after their release; ask for the disclosure again.',
  ),
  'retention.no_policy': row(
    409,
    'No period recorded',
    'Record the period in force before anything else about expiry.',
  ),
  'retention.policy_version': row(
    409,
    'Other policy in force',
    'Read what the ledger says of expiry, and name the policy in force.',
  ),
  'retention.run_open': row(409, 'A run is open', 'Finish the run that was begun; the ledger names it.'),
  'retention.run_unknown': row(
    409,
    'No such run',
    'Record what is about to be removed before it is certified.',
  ),
  'retention.run_differs': row(409, 'Run differs', 'Certify exactly the days that the run began with.'),
  'retention.hold_pending': row(
    409,
    'Hold pending',
    'Copy what every order in force keeps of these days first, and name the orders.',
  ),
  'retention.backwards': row(409, 'Certified already', 'Certify no day before the last that was certified.'),
  'retention.sums': row(
    409,
    'Sums of another day or verdict',
    'Record the sums of a day that is over and not certified as gone, its parts in their order, with the number of sources that differ.',
  ),
  'disk_key.not_later': row(
    409,
    'No later key',
    'Record keys in the order in which they were made, none twice.',
  ),
  'disk_key.unknown': row(
    409,
    'No such key',
    'Read what the ledger says of the keys; record a new one first.',
  ),
  'disk_key.in_use': row(
    409,
    'Key in use',
    'Destroy no key that data are written under, and none before it is recorded that no file needs it.',
  ),
  'disk_key.differs': row(409, 'Key differs', 'Name the days on which the key was written under, once.'),
  'ledger.unavailable': row(503, 'Ledger unavailable', 'Nothing was done and nothing left. Try again later.'),
  'ledger.in_doubt': row(
    503,
    'Outcome unknown',
    'Look whether it was done before you try again: the ledger could not say whether it was recorded.',
  ),
  'clock.set_back': row(
    503,
    'Clock set back',
    'Nothing was done. The service’s clock reads earlier than its ledger; its operator must set it right.',
  ),
  'store.unavailable': row(503, 'Store unavailable', 'Try again later; nothing was released.'),
  'service.busy': row(
    503,
    'Service busy',
    'Wait as many seconds as Retry-After says, then sign and send again.',
  ),
  'service.internal': row(500, 'Internal error', 'Tell the operator the time of the request.'),
} as const satisfies Record<string, ErrorRow>;

/** Why a certificate is refused → what the person who enrols it can do. */
const certificateRefusals: Readonly<Record<CertificateRefusal, string>> = {
  'certificate.malformed': 'Send at most four certificates, DER, the key’s own first, as chainSha256 says.',
  'certificate.key': 'Send the certificate of the key that is enrolled.',
  'certificate.usage':
    'Take a certificate for signatures (key usage digitalSignature) that is no authority’s.',
  'certificate.validity': 'Take certificates that are valid now.',
  'certificate.chain':
    'Send the whole chain in its order; each must be issued by the next, which may issue it.',
  'certificate.anchor': 'Take a certificate of an authority that this service is configured to trust.',
  'certificate.revoked':
    'Take a certificate that its authority has not revoked or put on hold, nor one above it.',
  'certificate.revocation_unknown':
    'Ask the operator for a current revocation list of each authority of the chain.',
};

type KeyRefusalCode = keyof typeof publicKeyRefusals;
export type ErrorCode = keyof typeof ownErrors | ProofRefusalCode | KeyRefusalCode | CertificateRefusal;

const shared = (
  texts: Readonly<Record<string, string>>,
  status: number,
  title: string,
): [string, ErrorRow][] => Object.entries(texts).map(([code, action]) => [code, row(status, title, action)]);

export const errorTable: Readonly<Record<string, ErrorRow>> = {
  ...ownErrors,
  ...Object.fromEntries(shared(proofRefusals, 401, 'Signed request refused')),
  ...Object.fromEntries(shared(certificateRefusals, 422, 'Certificate refused')),
  ...Object.fromEntries(shared(publicKeyRefusals, 422, 'Public key refused')),
};

/** One thing that is wrong with a request: where, and what to do. Repeats nothing of what was sent. */
export interface Problem {
  readonly path: string;
  readonly sentence: string;
  readonly rule?: string;
  readonly source?: string;
}

/** An answer that refuses. `recorded`: its ledger entry is durable already. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly codes: readonly string[];
  readonly recorded: boolean;
  /** Whole seconds, for the header Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    more: {
      problems?: readonly Problem[];
      codes?: readonly string[];
      recorded?: boolean;
      retryAfterSeconds?: number;
    } = {},
  ) {
    super(code);
    this.name = 'ApiError';
    this.code = code;
    this.problems = more.problems ?? [];
    this.codes = more.codes ?? [code];
    this.recorded = more.recorded ?? false;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** RFC 9457 problem document, with our code and the named problems as extension members. */
export function problemDocument(error: ApiError): Record<string, unknown> {
  const { status, title, action } = errorTable[error.code] ?? ownErrors['service.internal'];
  return {
    type: `urn:griffie:error:${error.code}`,
    title,
    status,
    detail: action,
    code: error.code,
    ...(error.codes.length > 1 ? { codes: error.codes } : {}),
    ...(error.problems.length > 0 ? { problems: error.problems } : {}),
  };
}

export function statusOf(code: ErrorCode): number {
  return errorTable[code]?.status ?? 500;
}
