import { request } from 'node:http';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { unavailable } from './errors.ts';

const socketName = 'griffie.sock';
const timeoutMs = 30_000;
const maxBytes = 16 * 1024 * 1024;

/**
 * Asks the Griffie that runs on a data folder, over its status socket.
 * @param path begins with a slash
 */
export async function askStatus<T>(dataFolder: string, path: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await get(join(resolve(dataFolder), socketName), path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'ETIMEDOUT';
    if (code === 'EACCES' || code === 'EPERM') {
      throw unavailable(
        'status.denied',
        `only the user that runs Griffie may ask ${dataFolder}; run this as that user`,
      );
    }
    throw unavailable(
      'status.not_running',
      `no Griffie runs on the folder ${dataFolder} (${code}); start it with griffie start --data ${dataFolder}, or name its folder with --data`,
    );
  }
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw unavailable(
      'status.unexpected_answer',
      `the Griffie on ${dataFolder} is of another version than this command; use the same one`,
    );
  }
  return parsed.data;
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const call = request({ socketPath, path, agent: false, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBytes) call.destroy(new Error('too much'));
        else chunks.push(chunk);
      });
      response.on('end', () => resolvePromise(Buffer.concat(chunks).toString('utf8')));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
    call.end();
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
