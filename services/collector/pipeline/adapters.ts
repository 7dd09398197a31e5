import type { MailServerAdapter } from '../adapter.ts';
import type { SoftwareChoice } from '../config.ts';
import { dovecotAdapter } from '../dovecot/index.ts';
import { postfixAdapter } from '../postfix/index.ts';

/** Every mail server that Griffie understands. */
export const mailServerAdapters: readonly MailServerAdapter[] = [postfixAdapter, dovecotAdapter];

export function adaptersFor(
  software: SoftwareChoice,
  adapters: readonly MailServerAdapter[],
): readonly MailServerAdapter[] {
  return software === 'auto' ? adapters : adapters.filter((adapter) => adapter.software === software);
}
