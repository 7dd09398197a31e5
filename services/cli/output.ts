import { CommanderError } from 'commander';
import { CliError, type CliProblem, type ExitCode, exitCodes } from './errors.ts';
import { type CliIo, write } from './io.ts';

/**
 * Text from outside as it may go to a terminal: control and format characters, which could move the cursor
 * or turn the writing direction, become U+FFFD.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

/** Prints a result: `value` as JSON, or the lines for people. */
export async function printResult(
  io: CliIo,
  json: boolean | undefined,
  value: unknown,
  lines: readonly string[],
): Promise<void> {
  const text = json === true ? JSON.stringify(value, null, 2) : lines.join('\n');
  await write(io.stdout, `${text}\n`);
}

/** Columns under their titles, as wide as their longest cell. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [titles, ...rows].map((row) => row.map(printable));
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Names and values, one pair a line; pairs without a value are left out. */
export function pairs(entries: Readonly<Record<string, string | number | undefined>>): string[] {
  const present = Object.entries(entries).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}`);
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
  readonly problems: readonly CliProblem[];
}

/** Tells the user why a command ended, and gives its exit code. */
export async function printFailure(io: CliIo, json: boolean, error: unknown): Promise<ExitCode> {
  const { code, message, exitCode, problems } = failureOf(error);
  if (json) {
    const object = { error: { code, message, ...(problems.length > 0 ? { problems } : {}) } };
    await write(io.stderr, `${JSON.stringify(object)}\n`);
    return exitCode;
  }
  const lines = [`griffie: ${printable(message)} (${printable(code)})`, ...problems.map(problemLine)];
  await write(io.stderr, `${lines.join('\n')}\n`);
  return exitCode;
}

function problemLine({ path, sentence, rule, source }: CliProblem): string {
  const because = [rule, source].filter((text) => text !== undefined && text !== '').join('; ');
  // Many sentences name their member themselves.
  const where = path === '' || sentence.startsWith(path) ? '' : `${path}: `;
  return printable(`  ${where}${sentence}${because === '' ? '' : ` [${because}]`}`);
}

function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError) {
    const message = `${error.message.replace(/^error: |\.$/g, '').replaceAll('\n', ' ')}; add --help to see the usage`;
    return { code: 'usage', message, exitCode: exitCodes.usage, problems: [] };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // Faults of Griffie's own parts carry a stable code, and their message was written for people.
  if (error instanceof Error && /^[a-z][a-z_]*(\.[a-z_]+)+$/.test(code)) {
    const exitCode = code.startsWith('config.') ? exitCodes.usage : exitCodes.refused;
    return { code, message: error.message, exitCode, problems: [] };
  }
  if (code === 'ENOSPC') {
    const message =
      'the output cannot be written: the disk is full; free some space, then run the command again';
    return { code: 'file.disk_full', message, exitCode: exitCodes.usage, problems: [] };
  }
  const known = /^[A-Z][A-Z0-9_]{2,63}$/.test(code) ? ` (${code})` : '';
  const message = `something went wrong inside Griffie${known}; nothing more was done. Please report the command that you ran`;
  return { code: 'internal', message, exitCode: exitCodes.internal, problems: [] };
}
