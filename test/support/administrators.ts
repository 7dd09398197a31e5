/** Runs a command that must succeed. */
type Griffie = (...args: string[]) => Promise<unknown>;

/** Credential files of the two administrators of an installation. */
export type Administrators = readonly [string, string];

/**
 * The ceremony on the console, by the command line: makes the keys of two administrators, and leaves their
 * public halves for the next start.
 * @param path of a new file by its name
 * @param place `--data` or `--keys` with the folder
 */
export async function bootstrapAdministrators(
  griffie: Griffie,
  url: string,
  path: (name: string) => string,
  place: readonly [string, string],
): Promise<Administrators> {
  const own = (name: string): string => path(`${name}.json`);
  const named: string[] = [];
  for (const name of ['alice', 'bob']) {
    const half = path(`${name}.public.json`);
    await griffie('key', 'new', '--credential', name, '--service', url, '--out', own(name));
    await griffie('key', 'public', '--as', own(name), '--out', half);
    named.push('--administrator', `${name}=${half}`);
  }
  await griffie('service', 'bootstrap', ...place, ...named);
  return [own('alice'), own('bob')];
}

/** One administrator enrols what is in a public key file, the other confirms it. */
export async function enrolByTwo(
  griffie: Griffie,
  [first, second]: Administrators,
  { half, person, role }: { readonly half: string; readonly person: string; readonly role: string },
): Promise<void> {
  const who = ['--key', half, '--person', person, '--role', role];
  await griffie('credential', 'enrol', '--as', first, ...who);
  await griffie('credential', 'confirm', '--as', second, ...who);
}
