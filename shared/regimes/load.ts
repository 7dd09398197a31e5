import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createRegimes, type Regimes } from '#shared/orders';
import { packageRoot, parseStrictJson } from '#shared/runtime';

/** Bytes of one file; the longest that is shipped has a tenth of it. */
const maxFileBytes = 128 * 1024;
const suffix = '.json';

/** A data file of a regime cannot be used. The message names the file and the member. */
export class RegimeFileError extends Error {
  readonly code = 'config.regime_file';
  constructor(file: string, problem: string) {
    super(`the regime file ${file} cannot be used: ${problem}`);
    this.name = 'RegimeFileError';
  }
}

const shippedFolder = join(packageRoot, 'regimes');

/**
 * The regimes that Griffie ships and, where a folder is given, those of its `*.json` files: each file is
 * named after the regime's id. Read once, at the start.
 * @throws RegimeFileError where one is malformed, or named like one that is shipped
 */
export function loadRegimes(folder?: string): Regimes {
  const files = readFiles(shippedFolder);
  for (const [name, content] of folder === undefined ? [] : readFiles(folder)) {
    if (files.has(name)) throw new RegimeFileError(`${name}${suffix}`, 'a shipped regime has this name');
    files.set(name, content);
  }
  const made = createRegimes(files);
  if (!made.ok) throw new RegimeFileError(`${made.file}${suffix}`, made.problem);
  return made.regimes;
}

let shipped: Regimes | undefined;

/** Those of the folder `regimes` of this package. */
export function shippedRegimes(): Regimes {
  shipped ??= loadRegimes();
  return shipped;
}

function readFiles(folder: string): Map<string, unknown> {
  const names = read(folder, () => readdirSync(folder)).filter((name) => name.endsWith(suffix));
  return new Map(names.sort().map((name) => [name.slice(0, -suffix.length), readFile(folder, name)]));
}

function readFile(folder: string, name: string): unknown {
  const path = join(folder, name);
  const bytes = read(name, () => {
    if (statSync(path).size > maxFileBytes)
      throw new RegimeFileError(name, `has more than ${maxFileBytes} bytes`);
    return readFileSync(path);
  });
  const parsed = parseStrictJson(bytes);
  if (!parsed.ok) throw new RegimeFileError(name, 'is no UTF-8 JSON in which no member is repeated');
  return parsed.value;
}

function read<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RegimeFileError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RegimeFileError(file, code);
  }
}
