import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../services/cli/cli.ts';
import { Collected, run } from './support.ts';

function leaves(command: Command, path: readonly string[] = []): [string[], Command][] {
  if (command.commands.length === 0) return [[[...path], command]];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

const program = createProgram({
  stdin: (async function* () {})(),
  stdout: new Collected(),
  stderr: new Collected(),
  env: {},
  now: () => 0,
  fetch: globalThis.fetch,
  onStop: () => {},
  startSelf: () => {
    throw new Error('no command under test starts another process');
  },
});
const commands = leaves(program);

describe('every command', () => {
  it.each(commands.map(([path]) => path.join(' ')))(
    'griffie %s explains itself with an example',
    async (name) => {
      const { exitCode, stdout, stderr } = await run([...name.split(' '), '--help']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain(`Usage: griffie ${name}`);
      expect(stdout).toContain(`\nExample:\n  $ griffie ${name}`);
    },
  );

  it('that signs takes the credential file and can print JSON', () => {
    const signing = commands.filter(([, command]) => command.options.some(({ long }) => long === '--as'));
    expect(signing.length).toBeGreaterThanOrEqual(15);
    for (const [, command] of signing) expect(command.options.map(({ long }) => long)).toContain('--json');
  });
});

describe('wrong use', () => {
  it.each([
    ['an unknown command', ['ordr', 'list'], 'Did you mean order?'],
    ['an unknown option', ['order', 'list', '--as', 'x', '--colour'], '--colour'],
    ['a missing option', ['order', 'list'], '--as'],
    ['a missing argument', ['order', 'show', '--as', 'x'], 'id'],
    ['an id that is none', ['order', 'show', '../../etc/passwd', '--as', 'x'], 'Give the id'],
    [
      'a time without a zone',
      ['disclosure', 'request', '--as', 'x', '--from', '2026-11-22T10:00:00'],
      'zone',
    ],
    [
      'a target without a kind',
      ['disclosure', 'request', '--as', 'x', '--target', 'alice@example.nl'],
      'kind=value',
    ],
    ['a category that is none', ['disclosure', 'request', '--as', 'x', '--category', 'content'], 'sender'],
    ['a role that is none', ['credential', 'enrol', '--as', 'x', '--role', 'root'], 'administrator'],
    ['an identifier that is none', ['key', 'new', '--credential', 'J de Vries', '--out', 'x'], 'lower-case'],
    [
      'plain HTTP to elsewhere',
      ['key', 'new', '--service', 'http://griffie.example.nl', '--out', 'x'],
      'https',
    ],
    ['a zone that is none', ['parse', 'auto', '--time-zone', 'Mars/Olympus'], 'Europe/Amsterdam'],
    ['software that is unknown', ['parse', 'sendmail'], 'postfix'],
  ])('%s is exit code 2 and one sentence that says what to do', async (_, args, hint) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^griffie: [^\n]+\n$/);
    expect(stderr).toContain(hint);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('with --json is an error object', async () => {
    const { exitCode, stderr, error } = await run(['order', 'list', '--json']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^\{[^\n]+\}\n$/);
    expect(error()).toMatchObject({ code: 'usage', message: expect.stringContaining('--as') });
  });

  it('of a group is its help, and exit code 2', async () => {
    const { exitCode, stderr } = await run(['order']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: griffie order');
  });
});
