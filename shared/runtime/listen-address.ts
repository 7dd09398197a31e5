import { isIP } from 'node:net';
import { z } from 'zod';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, an IPv6 address in brackets. */
export const listenAddressSchema = z.string().transform((value, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? -1);
  if (host === '' || port < 0 || port > 65_535) {
    context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:8425' });
  }
  return { host, port };
});

/** Whether only this machine reaches the host; also as it stands in URLs. */
export function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}
