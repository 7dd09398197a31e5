import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { unusable } from './errors.ts';
import { readBounded, smallFileBytes } from './files.ts';

type Fetch = typeof globalThis.fetch;

/**
 * `fetch` that shows a client certificate where the environment names one (`GRIFFIE_TLS_CERT_FILE` and
 * `GRIFFIE_TLS_KEY_FILE`, PEM), for services that ask for it. Node's own cannot be given one.
 */
export function fetchWithCertificate(env: Readonly<Record<string, string | undefined>>, plain: Fetch): Fetch {
  const { GRIFFIE_TLS_CERT_FILE: certFile, GRIFFIE_TLS_KEY_FILE: keyFile } = env;
  if (!certFile && !keyFile) return plain;
  return async (input, init) => {
    if (!certFile || !keyFile) {
      throw unusable('tls.client', 'set both GRIFFIE_TLS_CERT_FILE and GRIFFIE_TLS_KEY_FILE, or neither');
    }
    const url = new URL(String(input));
    if (url.protocol !== 'https:') return plain(input, init);
    const [cert, key] = await Promise.all(
      [certFile, keyFile].map((file) => readBounded(file, smallFileBytes)),
    );
    return send(url, init ?? {}, { cert, key });
  };
}

function send(
  url: URL,
  { method = 'GET', headers, body, signal }: NonNullable<Parameters<Fetch>[1]>,
  tls: { readonly cert: Buffer | undefined; readonly key: Buffer | undefined },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      url,
      {
        ...tls,
        method,
        headers: Object.fromEntries(new Headers(headers)),
        ...(signal ? { signal } : {}),
      },
      (answer) => {
        const received = new Headers();
        for (const [name, value] of Object.entries(answer.headers)) received.set(name, String(value));
        const status = answer.statusCode ?? 502;
        const isEmpty = status === 204 || status === 304;
        resolve(
          new Response(isEmpty ? null : (Readable.toWeb(answer) as ReadableStream), {
            status,
            headers: received,
          }),
        );
      },
    );
    sent.once('error', reject);
    sent.end(body instanceof Uint8Array ? body : undefined);
  });
}
