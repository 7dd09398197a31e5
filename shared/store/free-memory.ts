import { MessageChannel } from 'node:worker_threads';

/** What is transferred to a closed port is gone. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/**
 * Frees the memory of bytes that nobody reads any more, where they are all of it. Buffers that go by in a
 * stream are counted by V8 up to 64 MB before it collects them, and a collection looks at the whole heap.
 */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) nowhere.postMessage(null, [buffer]);
}
