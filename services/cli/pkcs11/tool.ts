import { spawn } from 'node:child_process';
import { type CliError, refused, unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import type { TokenKey } from './uri.ts';

/** OpenSC's command line, which every card that PKCS #11 knows is reached through. */
const program = 'pkcs11-tool';
/** A card may wait for a finger on its reader. */
const patienceMs = 120_000;
const maxOutputBytes = 1024 * 1024;
/** Name under which the child finds the PIN: in its environment, never among its arguments. */
const pinVariable = 'GRIFFIE_PKCS11_PIN';

export interface ToolCall {
  readonly key: TokenKey;
  readonly args: readonly string[];
  /** Bytes for its standard input. */
  readonly input?: Uint8Array;
  /** Logs in with it; absent: what anybody may read. */
  readonly pin?: string;
}

/** Runs `pkcs11-tool` on a token. @returns its standard output @throws CliError */
export async function runTool(io: Pick<CliIo, 'env'>, { key, args, input, pin }: ToolCall): Promise<Buffer> {
  const module = key.module ?? io.env.GRIFFIE_PKCS11_MODULE;
  const all = [
    ...(module === undefined ? [] : ['--module', module]),
    ...['--token-label', key.token],
    ...(pin === undefined ? [] : ['--login', '--pin', `env:${pinVariable}`]),
    ...args,
  ];
  const { [pinVariable]: _, ...others } = io.env;
  const env = pin === undefined ? others : { ...others, [pinVariable]: pin };
  const child = spawn(program, all, { env, stdio: 'pipe', timeout: patienceMs });
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  let size = 0;
  for (const [stream, into] of [[child.stdout, output] as const, [child.stderr, errors] as const]) {
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxOutputBytes) child.kill('SIGKILL');
      else into.push(chunk);
    });
  }
  // It may end before it has read what is written.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).catch((error: unknown) => {
    throw isMissing(error) ? missing() : error;
  });
  if (code !== 0) throw faultOf(Buffer.concat(errors).toString('utf8'));
  return Buffer.concat(output);
}

/** PKCS #11's return values (section 5.1 of its specification) that a person can do something about. */
const faults: readonly (readonly [RegExp, string, string])[] = [
  [/CKR_PIN_INCORRECT/, 'pkcs11.pin', 'the PIN is wrong; after a few tries the token locks itself'],
  [/CKR_PIN_LOCKED/, 'pkcs11.pin_locked', 'the token has locked itself; unblock it with its PUK'],
  [
    /No slot/,
    'pkcs11.token',
    'no token of this name is there; put the card in, or look with pkcs11-tool --list-slots',
  ],
  [
    /[Kk]ey not found|object not found/,
    'pkcs11.object',
    'the token has no such key; look with pkcs11-tool --list-objects',
  ],
  [
    /Failed to load|load pkcs11 module/,
    'pkcs11.module',
    'the module of the token cannot be loaded; name it with GRIFFIE_PKCS11_MODULE',
  ],
];

function faultOf(text: string): CliError {
  const [, code, sentence] = faults.find(([pattern]) => pattern.test(text)) ?? [];
  if (code !== undefined && sentence !== undefined) return refused(code, sentence);
  const [value = 'no reason given'] = /CKR_[A-Z_]+/.exec(text) ?? [];
  return refused('pkcs11.fault', `${program} failed (${value}); try it by hand`);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

function missing(): CliError {
  return unusable(
    'pkcs11.tool',
    `${program} is not installed; it is part of OpenSC (Debian: apt install opensc)`,
  );
}
