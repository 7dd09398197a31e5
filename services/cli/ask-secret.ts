import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Asks for a secret on the terminal: the question is shown, what is typed is not. Ctrl-C gives none. */
export async function askSecret(
  terminal: NodeJS.ReadStream,
  shown: NodeJS.WritableStream,
  question: string,
): Promise<string> {
  shown.write(question);
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: terminal, output: hidden, terminal: true });
  const interrupted = new AbortController();
  lines.once('SIGINT', () => interrupted.abort());
  try {
    return await lines.question('', { signal: interrupted.signal }).catch(() => '');
  } finally {
    lines.close();
    shown.write('\n');
  }
}
