import {
  addCounter,
  addGauge,
  ListenError,
  type ServiceContext,
  type ServiceDefinition,
} from '#shared/runtime';
import { readWitnessSettings, type WitnessSettings, witnessVariables } from './config.ts';
import { openWitnessFolder } from './folder.ts';
import { readLogs } from './logs.ts';
import { serveWitness } from './server.ts';
import { createWitness, type Witness } from './witness.ts';

/** A witness as a process of its own, which an auditor runs where the operator of the log has no hand. */
export const witnessService: ServiceDefinition<WitnessSettings> = {
  name: 'witness',
  summary: 'cosigns the checkpoints of the logs it follows, one history of each.',
  variables: witnessVariables,
  read: readWitnessSettings,

  async start({ folder: path, name, logsFile, listen }, context) {
    const { clock, logger, say } = context;
    const logs = await readLogs(logsFile);
    const folder = await openWitnessFolder(path, name);
    try {
      const witness = createWitness({ folder, logs, clock, logger });
      addMetrics(context, witness);
      const server = await serveWitness(listen, { witness, clock, logger }).catch((error: unknown) => {
        throw new ListenError('WITNESS_LISTEN', error);
      });
      if (folder.isNew) {
        say('New witness. Its key was made; no copy of the folder may ever run beside it or in its place.');
      }
      say(`Witness key, for those who rely on it: ${folder.cosigner.verifier.vkey}`);
      say(
        `Griffie is witnessing ${logs.length === 1 ? '1 log' : `${logs.length} logs`} on port ${server.port}`,
      );
      return {
        failed: new Promise(() => {}),
        async stop() {
          await server.close();
          await folder.release();
        },
      };
    } catch (error) {
      await folder.release();
      throw error;
    }
  },
};

function addMetrics({ metrics }: ServiceContext, witness: Witness): void {
  addCounter(metrics, {
    name: 'griffie_witness_cosigned_total',
    help: 'Checkpoints cosigned since the process began.',
    read: () => witness.figures().cosigned,
  });
  addCounter(metrics, {
    name: 'griffie_witness_refused_total',
    help: 'Checkpoints refused since the process began, by reason; witness.forked is proof against the log.',
    labels: ['reason'],
    read: () => Object.entries(witness.figures().refused).map(([reason, count]) => [{ reason }, count]),
  });
  addGauge(metrics, {
    name: 'griffie_witness_log_entries',
    help: 'Size of the tree that was cosigned last, by log; 0 for none.',
    labels: ['origin'],
    read: () => Object.entries(witness.figures().sizes).map(([origin, size]) => [{ origin }, size]),
  });
}
