import { isIP } from 'node:net';
import { z } from 'zod';

const path = z.string().min(1).max(4096);
const name = z.string().min(1).max(100);

/** Nothing else may stand in it: the user, the password and the database have members of their own. */
const serverUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const plain = url && /^https?:$/.test(url.protocol) && url.pathname === '/';
  if (!plain || url.username || url.password || url.search || url.hash) {
    context.addIssue({ code: 'custom', message: 'must be https://host:port, without user, path or query' });
  } else if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    context.addIssue({ code: 'custom', message: 'must be https, unless the server is on this machine' });
  }
  return value;
});

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/** Own certificate authority and, where the server asks for it, our own certificate; all PEM files. */
const tlsSchema = z
  .strictObject({ caFile: path.optional(), certFile: path.optional(), keyFile: path.optional() })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    message: 'certificate and key go together',
  });

/** How to reach a ClickHouse server, and as whom. */
export const serverConfigSchema = z.strictObject({
  url: serverUrl,
  username: name.default('default'),
  /** One line break at its end is not part of the password; without the file the user has none. */
  passwordFile: path.optional(),
  database: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be of letters, digits and underscores')
    .default('griffie'),
  tls: tlsSchema.default({}),
});
export type ServerConfig = z.infer<typeof serverConfigSchema>;
export type ServerConfigInput = z.input<typeof serverConfigSchema>;
