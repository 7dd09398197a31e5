import { type ErrorRow, row } from './error-row.ts';

/** Errors about orders; part of the table in `errors.ts`. */
export const orderErrors = {
  'order.invalid': row(
    422,
    'Order incomplete or inadmissible',
    'Mend what `problems` names, with the rule that asks for it.',
  ),
  'order.document': row(
    422,
    'Document unusable',
    'Attach the order itself, in the media type that is stated.',
  ),
  'order.unknown': row(404, 'Order unknown', 'Check the order id, or record the order first.'),
  'order.not_approved': row(403, 'Order not approved', 'Ask a reviewer to approve the order.'),
  'order.rejected': row(403, 'Order rejected', 'Record a new order; a rejected one stays rejected.'),
  'order.expired': row(403, 'Order expired', 'Ask the authority for a new order and record it.'),
  'order.decided': row(409, 'Order decided on already', 'Nothing is left to decide; see its status.'),
  'order.own_registration': row(403, 'Own registration', 'Another person must decide on what you recorded.'),
  'order.preservation_only': row(
    403,
    'Preservation order',
    'Preservation never releases; record a production order.',
  ),
  'order.case_file': row(
    500,
    'Case file missing or altered',
    'Restore the case file from backup; tell the auditor.',
  ),
  'order.erased': row(
    410,
    'Case erased',
    'Nothing of the order is left but its entries in the ledger; those say who erased it and why.',
  ),
  'order.in_force': row(
    409,
    'Order in force',
    'Erase the case once its order has ended and no package is being made under it.',
  ),
  'order.preserved_under': row(
    409,
    'Nothing preserved',
    'Name an order to preserve that keeps something; or leave it out, and ask for what is stored.',
  ),
  'order.suspended': row(403, 'Order suspended', 'Wait until a reviewer resumes it.'),
  'order.cancelled': row(
    403,
    'Order withdrawn',
    'It is over; if the authority wants the data after all, record its new order.',
  ),
  'order.void': row(403, 'Order void', 'It was found invalid and is over; record a new one.'),
  'order.version': row(409, 'Other version in force', 'Read the order again, and name the version in force.'),
  'order.amendment': row(
    409,
    'Another order',
    'An amendment keeps regime, type, issuing State and receipt; record this as an order of its own.',
  ),
  'order.estimate_missing': row(
    409,
    'Estimate missing',
    'Ask for the estimate, and approve with the counts that it shows.',
  ),
  'order.estimate_differs': row(409, 'Estimate differs', 'Approve with the counts that you were shown last.'),
  'order.not_suspended': row(409, 'Order not suspended', 'Nothing is left to resume; see its status.'),
  'order.clarification_awaited': row(409, 'Clarification awaited', 'Record the authority’s answer first.'),
  'order.no_clarification': row(
    409,
    'No clarification awaited',
    'Nothing was asked, or it was answered already.',
  ),
  'order.ground': row(
    422,
    'Ground unknown',
    'Name grounds that the order’s regime knows for this; its data file lists them.',
  ),
  'order.notification_pending': row(
    403,
    'Notified authority not heard',
    'Wait until the time that the order shows, or until its answer is recorded.',
  ),
  'order.objected': row(
    403,
    'Objected to',
    'The notified authority refused; nothing is released under this order.',
  ),
  'order.no_notification': row(
    409,
    'No notification',
    'The order says of no authority that it was notified.',
  ),
  'order.objection_late': row(
    409,
    'Objection too late',
    'It came after its time; suspend the order if it is to be heard all the same.',
  ),
  'order.answer_time': row(
    422,
    'Time of the answer impossible',
    'Give the time at which the answer came: after the question, and not in the future.',
  ),
  'order.no_follow_up': row(
    409,
    'Nothing to follow up',
    'Name one that the order lists, and that is not done yet.',
  ),
  'order.follow_up_missing': row(
    403,
    'Follow-up missing',
    'Record what had to follow the emergency; the order lists it.',
  ),
} as const satisfies Record<string, ErrorRow>;
