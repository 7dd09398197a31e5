import { parentPort, workerData } from 'node:worker_threads';
import { EncryptedFile } from './encrypted-file.ts';
import type { Answers, FromThread, Question, ThreadSettings, ToThread } from './messages.ts';
import { type Files, RecordWriter } from './record-writer.ts';

/*
 * Entry of the thread that a package is made on, so that all this goes on beside the engine's reading and the
 * service's other work. Lines of the store are held against what may leave here, right before they are
 * encrypted; nothing else makes a part of records. It ends when it is terminated.
 */

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a thread');
const { fileMode } = workerData as ThreadSettings;

const tell = (message: FromThread): void => port.postMessage(message);

let hasFailed = false;
let records: RecordWriter | null = null;
let file: EncryptedFile | null = null;
const syncs: Promise<void>[] = [];
/** Takes the answer to the question that is asked. */
let hearAnswer: (answer: Answers[keyof Answers]) => void = () => {};

function ask<Kind extends keyof Answers>(
  question: Extract<Question, { kind: Kind }>,
): Promise<Answers[Kind]> {
  return new Promise((resolve) => {
    hearAnswer = (answer) => resolve(answer as Answers[Kind]);
    tell({ kind: 'question', question });
  });
}

const files: Files = {
  open: async (path) => new EncryptedFile(path, fileMode, await ask<'header'>({ kind: 'header' })),
  leave(file) {
    // The next file is written while the disk is waited for.
    const sync = file.syncAndClose();
    sync.catch(fail);
    syncs.push(sync);
  },
};

function fail(error: unknown): void {
  if (hasFailed) return;
  hasFailed = true;
  const { message, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  tell({ kind: 'failed', message: message ?? 'a package could not be written', code });
}

async function take(message: Exclude<ToThread, { kind: 'answer' }>): Promise<void> {
  switch (message.kind) {
    case 'records':
      records = new RecordWriter(message.records, files, (time, ids) =>
        ask<'earlier'>({ kind: 'earlier', time, ids }),
      );
      break;
    case 'lines':
      if (records !== null) tell({ kind: 'taken', written: await records.take(message.lines) });
      break;
    case 'file':
      file = await files.open(message.path);
      break;
    case 'bytes':
      file?.add(message.bytes);
      tell({ kind: 'taken', written: { records: 0, bytes: 0 } });
      break;
    case 'end':
      if (records !== null) tell({ kind: 'records', records: records.end() });
      if (file !== null) {
        tell({ kind: 'file', file: file.end() });
        files.leave(file);
      }
      [records, file] = [null, null];
      break;
    case 'sync':
      await Promise.all(syncs);
      tell({ kind: 'synced' });
  }
}

let work = Promise.resolve();
port.on('message', (message: ToThread) => {
  if (message.kind === 'answer') return hearAnswer(message.answer);
  work = work.then(() => (hasFailed ? undefined : take(message))).catch(fail);
});
