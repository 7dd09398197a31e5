import { MessageChannel } from 'node:worker_threads';

/** What is transferred to a closed port is gone. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/**
 * Frees the memory of bytes that nobody reads any more, where they are all of it. Buffers that go by in a
 * stream are counted by V8 up to 64 MB before it collects them.
 */
export function freeMemory(pieces: readonly Uint8Array[]): void {
  const whole = pieces.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  );
  if (whole.length > 0) nowhere.postMessage(null, whole);
}
