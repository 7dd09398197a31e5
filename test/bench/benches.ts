import { atRest } from './at-rest.ts';
import { auditVerify } from './audit-verify.ts';
import type { Bench } from './bench.ts';
import { collector } from './collector.ts';
import { disclosure } from './disclosure.ts';
import { expiry } from './expiry.ts';
import { holds } from './holds.ts';
import { ingest } from './ingest.ts';
import { kafkaIngest } from './kafka-ingest.ts';
import { kafkaLatency } from './kafka-latency.ts';
import { ledgerAppend } from './ledger-append.ts';
import { ledgerProofs } from './ledger-proofs.ts';
import { ledgerStart } from './ledger-start.ts';
import { lookupPeers } from './lookup-peers.ts';
import { postfixParse } from './postfix-parse.ts';
import { schema } from './schema.ts';
import { signedRequests } from './signed-requests.ts';

/** Every benchmark, in the order in which they run. */
export const benches: readonly Bench[] = [
  postfixParse,
  collector,
  ingest,
  signedRequests,
  disclosure,
  lookupPeers,
  schema,
  ledgerAppend,
  ledgerProofs,
  ledgerStart,
  atRest,
  expiry,
  holds,
  auditVerify,
  kafkaIngest,
  kafkaLatency,
];
