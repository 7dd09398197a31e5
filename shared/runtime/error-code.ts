/**
 * A fault's stable name for logs, metrics and health: a code of ours, of a library or of the system, else
 * the name of the error's class; never its message, which may quote what was handled.
 */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'internal';
  const code = 'code' in error ? String(error.code) : '';
  if (/^(?:[a-z][a-z0-9_.]*|[A-Z][A-Z0-9_]*)$/.test(code)) return code.slice(0, 64);
  return /^[A-Z][A-Za-z0-9]{2,63}$/.test(error.name) ? error.name : 'internal';
}
