import { parentPort } from 'node:worker_threads';
import { EncryptedFile } from './encrypted-file.ts';
import type { FromThread, ToThread } from './messages.ts';

/*
 * Entry of the thread that digests, encrypts and writes, so that all this goes on beside the engine's reading
 * and the service's other work. It knows no records, only bytes; it ends when it is terminated.
 */

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a thread');

const tell = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

let file: EncryptedFile | null = null;
let hasFailed = false;

function fail(error: unknown): void {
  if (hasFailed) return;
  hasFailed = true;
  const { message, code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  tell({ kind: 'failed', message: message ?? 'a file could not be written', code });
}

function take(message: ToThread): void {
  if (message.kind === 'open') {
    file = new EncryptedFile(message.file);
    return;
  }
  const { memory, length, isLast } = message;
  if (file === null) throw new Error('a block came for no file');
  file.add(new Uint8Array(memory, 0, length), isLast);
  tell({ kind: 'taken', memory }, [memory]);
  if (!isLast) return;
  tell({ kind: 'written', file: file.written() });
  // The next file is written while the disk is waited for.
  file.syncAndClose().then(() => tell({ kind: 'synced' }), fail);
  file = null;
}

port.on('message', (message: ToThread) => {
  if (hasFailed) return;
  try {
    take(message);
  } catch (error) {
    fail(error);
  }
});
