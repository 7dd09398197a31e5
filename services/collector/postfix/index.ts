import type { MailServerAdapter } from '../adapter.ts';
import { PostfixCorrelator } from './correlator.ts';
import { programOf } from './program.ts';

/**
 * Postfix, all releases since 2.3, by its log lines. The rules of what an event says are in `events.ts`,
 * those of when a message begins and ends in `arrival.ts` and `departure.ts`.
 *
 * Addresses are read in external form, which is how Postfix logs them since 3.5
 * (`info_log_address_format = external`); with `internal`, a quoted local part can pass for more than an
 * address.
 */
export const postfixAdapter: MailServerAdapter = {
  software: 'postfix',
  claims: (program) => programOf(program) !== null,
  createCorrelator: (state, options = {}) => new PostfixCorrelator(state, options),
};
