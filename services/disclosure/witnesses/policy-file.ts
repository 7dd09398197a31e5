import { readFile, stat } from 'node:fs/promises';
import { type PolicyWitness, parsePolicy, type WitnessPolicy } from '#shared/ledger';

/** A policy of 64 witnesses with long names is a tenth of this. */
const maxBytes = 256 * 1024;

/** The file of witnesses cannot be used; the message says where it is wrong. */
export class WitnessPolicyError extends Error {
  override readonly name = 'WitnessPolicyError';
  readonly code = 'config.witness_policy';
}

/** A witness that checkpoints are submitted to. */
export type AskedWitness = PolicyWitness & { readonly url: string };

/** Whom the service asks, and how many must have cosigned. */
export interface WitnessRequirement {
  readonly witnesses: readonly AskedWitness[];
  readonly isMet: WitnessPolicy['isMet'];
}

/**
 * Reads a policy (C2SP tlog-policy) whose witnesses all have a URL.
 * @throws WitnessPolicyError; the system's error where the file cannot be read
 */
export async function readWitnessPolicy(file: string): Promise<WitnessRequirement> {
  if ((await stat(file)).size > maxBytes) throw new WitnessPolicyError('the witness policy is too long');
  const outcome = parsePolicy(await readFile(file, 'utf8'));
  if (!outcome.ok) {
    const where = outcome.line === 0 ? '' : `, line ${outcome.line}`;
    throw new WitnessPolicyError(`the witness policy${where}: ${outcome.reason}`);
  }
  const { witnesses, isMet } = outcome.policy;
  const asked = witnesses.filter((witness): witness is AskedWitness => witness.url !== undefined);
  if (asked.length === 0 || asked.length !== witnesses.length) {
    throw new WitnessPolicyError('the witness policy must name witnesses, each with the URL to submit to');
  }
  return { witnesses: asked, isMet };
}
