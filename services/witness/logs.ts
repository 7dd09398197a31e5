import { readFile } from 'node:fs/promises';
import { LedgerError, type NoteVerifier, noteKeyTypes, parseVerifierKey } from '#shared/ledger';
import { WitnessError } from './errors.ts';
import { witnessLimits } from './limits.ts';

/**
 * Keys of the logs to follow: one verifier key a line; empty lines and those that begin with `#` are left
 * out. A log that changed its key has both here.
 * @throws WitnessError `config.witness_logs`
 */
export async function readLogs(file: string): Promise<NoteVerifier[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const keys: NoteVerifier[] = [];
  for (const [i, text] of lines.entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    keys.push(logKey(line, i + 1));
  }
  if (keys.length < 1 || keys.length > witnessLimits.logs) {
    throw wrong(`must hold 1 to ${witnessLimits.logs} verifier keys of logs, one a line`);
  }
  return keys;
}

function logKey(text: string, line: number): NoteVerifier {
  try {
    const key = parseVerifierKey(text);
    if (key.type === noteKeyTypes.ed25519) return key;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
  throw wrong(`line ${line} is no verifier key of a log, as griffie service keys prints it`);
}

const wrong = (what: string): WitnessError =>
  new WitnessError('config.witness_logs', `WITNESS_LOGS_FILE: ${what}`);
