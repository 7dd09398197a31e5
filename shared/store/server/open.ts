import { readFile } from 'node:fs/promises';
import type { Database } from '../database.ts';
import type { ServerConfig } from './config.ts';
import { openServerDatabase } from './database.ts';

/**
 * A ClickHouse server by its configuration: reads the secrets' files, connects to nothing yet.
 * @throws the system's error where a file cannot be read
 */
export async function openConfiguredServer(config: ServerConfig): Promise<Database> {
  const { url, username, database, passwordFile, tls } = config;
  const password = passwordFile === undefined ? '' : await readFile(passwordFile, 'utf8');
  return openServerDatabase({
    url,
    username,
    database,
    password: password.replace(/\r?\n$/, ''),
    ...(tls.caFile === undefined ? {} : { caCertificate: await readFile(tls.caFile) }),
    ...(tls.certFile === undefined || tls.keyFile === undefined
      ? {}
      : {
          clientCertificate: {
            certificate: await readFile(tls.certFile),
            key: await readFile(tls.keyFile),
          },
        }),
  });
}
