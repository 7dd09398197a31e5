import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createWitness,
  openWitnessFolder,
  serveWitness,
  type Witness,
  type WitnessFolder,
} from '#services/witness';
import type { NoteVerifier } from '#shared/ledger';
import { type Clock, type Logger, silentLogger, systemClock } from '#shared/runtime';

export interface RunningWitness {
  readonly url: string;
  readonly verifier: NoteVerifier;
  readonly folder: WitnessFolder;
  readonly witness: Witness;
  post(body: string): Promise<Response>;
  stop(): Promise<void>;
}

/** The real witness over its real folder, listening. */
export async function startWitness(options: {
  readonly folder: string;
  readonly logs: readonly NoteVerifier[];
  readonly name?: string;
  readonly port?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}): Promise<RunningWitness> {
  const { logs, name = 'witness.example/w1', port = 0, clock = systemClock, logger = silentLogger } = options;
  const folder = await openWitnessFolder(options.folder, name);
  const witness = createWitness({ folder, logs, clock, logger });
  const server = await serveWitness({ host: '127.0.0.1', port }, { witness, clock, logger });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    verifier: folder.cosigner.verifier,
    folder,
    witness,
    post: (body) => fetch(`${url}/add-checkpoint`, { method: 'POST', body }),
    stop: async () => {
      await server.close();
      await folder.release();
    },
  };
}

/** A folder that is gone when `remove` is called. */
export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'griffie-witness-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
