import { join } from 'node:path';
import { createTileDirectory } from '#shared/ledger-storage';
import { exportPrivateJwk } from '#shared/signed-request';
import {
  audience,
  type Person,
  startTestService,
  type TestService,
  type TestServiceOptions,
} from '../../support/test-service.ts';
import { type Folder, makeFolder, type Ran, run, type World } from '../../unit/cli/support.ts';

/** The real service, reached by commands through their own HTTP client. */
export interface ServiceUnderTest {
  readonly service: TestService;
  readonly folder: Folder;
  readonly ledgerFolder: string;
  /** Credential files of the two administrators. */
  readonly administrator: string;
  readonly secondAdministrator: string;
  /** Keeps the service's keys, as `griffie service keys` wrote them. */
  readonly pins: string;
  griffie(...args: readonly string[]): Promise<Ran>;
  /** A credential file of a new person with this role; keys and enrolment by the command line. */
  person(role: string, personId?: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startService(
  options: Omit<TestServiceOptions, 'storage'> = {},
): Promise<ServiceUnderTest> {
  const folder = makeFolder();
  const ledgerFolder = join(folder.path(''), 'ledger');
  const service = await startTestService({ ...options, storage: createTileDirectory(ledgerFolder) });
  const world: World = { now: () => service.clock.now(), fetch: fetchFrom(service) };
  const griffie = (...args: readonly string[]) => run(args, world);
  const credentialFile = async (name: string, { key, credentialId }: Person) =>
    folder.write(name, {
      credentialId,
      service: audience,
      algorithm: key.alg,
      thumbprint: key.kid,
      privateKey: await exportPrivateJwk(key),
    });
  const administrator = await credentialFile('administrator.json', service.administrator);
  const secondAdministrator = await credentialFile('administrator-2.json', service.secondAdministrator);
  const pins = folder.path('pins.json');
  await griffie('service', 'keys', '--url', audience, '--out', pins);
  let people = 0;
  return {
    service,
    folder,
    ledgerFolder,
    administrator,
    secondAdministrator,
    pins,
    griffie,
    person: async (role, personId = `person-${++people}`) => {
      const credential = `${role}-${++people}`;
      const [own, half] = [folder.path(`${credential}.json`), folder.path(`${credential}.public.json`)];
      await griffie('key', 'new', '--credential', credential, '--service', audience, '--out', own);
      await griffie('key', 'public', '--as', own, '--out', half);
      const who = ['--key', half, '--person', personId, '--role', role];
      const enrolled = await griffie('credential', 'enrol', '--as', administrator, ...who);
      if (enrolled.exitCode !== 0) throw new Error(enrolled.stderr);
      const confirmed = await griffie('credential', 'confirm', '--as', secondAdministrator, ...who);
      if (confirmed.exitCode !== 0) throw new Error(confirmed.stderr);
      return own;
    },
    stop: async () => {
      await service.stop();
      folder.remove();
    },
  };
}

/** `fetch` without a network: hands the request to the service in process. */
export function fetchFrom({ service }: TestService): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(String(input));
    if (url.origin !== audience) throw new TypeError('fetch failed');
    const answer = await service.app.inject({
      method: init?.method === 'POST' ? 'POST' : 'GET',
      url: url.pathname + url.search,
      headers: { ...(init?.headers as Record<string, string>) },
      ...(init?.body ? { payload: Buffer.from(init.body as Uint8Array) } : {}),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
    return new Response(new Uint8Array(answer.rawPayload), { status: answer.statusCode, headers });
  };
}
