import { z } from 'zod';
import { canonicalUrl } from '#shared/signed-request';

/** Why a text is no service URL; said to the person who typed it. */
export const serviceUrlRule =
  'must be the public URL of the service: https://…, or http:// on this computer only (127.0.0.1, localhost)';

/**
 * The service's public URL without a trailing slash: the `aud` of signed requests. Plain HTTP only to this
 * computer: orders and names of targets travel in the body.
 * @returns null for any other text.
 */
export function parseServiceUrl(text: string): string | null {
  const service = text.replace(/\/+$/, '');
  if (canonicalUrl(`${service}/`) === null) return null;
  const { protocol, hostname, search } = new URL(service);
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return search === '' && (protocol === 'https:' || isLoopback) ? service : null;
}

export const serviceUrlSchema = z.string().transform((text, context) => {
  const service = parseServiceUrl(text);
  if (service === null) context.addIssue({ code: 'custom', message: serviceUrlRule });
  return service ?? '';
});
