import { type ErrorRow, row } from './error-row.ts';

/** Errors about holds; part of the table in `errors.ts`. */
export const holdErrors = {
  'hold.none': row(409, 'Nothing held', 'The order keeps nothing, or no longer; see the list of holds.'),
  'hold.not_extendable': row(
    409,
    'Hold not extendable',
    'An order to produce keeps as long as it is valid; amend the order if the authority made that longer.',
  ),
  'hold.extended_already': row(
    409,
    'Hold extended already',
    'The law has no further extension; record the production order, or its confirmation.',
  ),
  'hold.in_force': row(409, 'Hold in force', 'Remove nothing that an order keeps still.'),
  'hold.in_use': row(409, 'Hold in use', 'Wait until the package that is being made from it is done.'),
  'hold.differs': row(
    409,
    'Hold differs',
    'Read what the ledger says of the hold, and record what follows from it, once.',
  ),
} as const satisfies Readonly<Record<string, ErrorRow>>;
