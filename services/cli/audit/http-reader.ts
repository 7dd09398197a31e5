import { checkpointPath, LedgerError, type LedgerReader, parseTilePath } from '#shared/ledger';
import type { ApiClient } from '../api-client.ts';
import { clientLimits } from '../http-answer.ts';

/**
 * Reads a ledger from a service: checkpoint and hash tiles as anyone can, entries as an auditor. Each entry
 * bundle that is read becomes an entry of the ledger itself, behind the checkpoint that is being verified.
 */
export function httpLedgerReader(anyone: ApiClient, auditor: ApiClient): LedgerReader {
  return {
    read: async (path) => {
      const tile = parseTilePath(path);
      if (path !== checkpointPath && tile === null) {
        throw new LedgerError('ledger.bad_path', 'This is no path of a ledger.');
      }
      const client = tile?.level === 'entries' ? auditor : anyone;
      return client.getBytes(`/ledger/${path}`, clientLimits.ledgerFileBytes);
    },
  };
}
