import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificatesHeader, chainDigest, writeChainHeader, writeListFile } from '#shared/certificates';
import { generateKey, type SigningKey } from '#shared/signed-request';
import { type Authority, makeAuthority } from './authority.ts';
import { type Person, startTestService, type TestService } from './test-service.ts';

/** An officer with a certificate. */
export interface Holder {
  readonly certificate: Uint8Array;
  readonly person: Person;
  /** Code of the answer to their next request; `ok` where it is granted. */
  ask(): Promise<string>;
}

/** A service with authorities whose certificates it takes, and a folder where their lists are put. */
export class ListService {
  readonly t: TestService;
  readonly folder: string;
  readonly root: Authority;
  #made = 0;

  private constructor(t: TestService, folder: string, root: Authority) {
    [this.t, this.folder, this.root] = [t, folder, root];
  }

  /** @param required SHA-256 of certificates of authorities that must have a list */
  static async start(
    others: readonly Authority[] = [],
    required: readonly string[] | 'all' = [],
  ): Promise<ListService> {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-lists-'));
    const root = await makeAuthority('Root');
    const t = await startTestService({
      anchors: [root, ...others].map(({ certificate }) => certificate),
      certificateLists: {
        path: folder,
        required: required === 'all' ? required : [...required],
        warnHours: 24,
      },
    });
    return new ListService(t, folder, root);
  }

  /** An authority below the root, so that each test has lists of its own. */
  authority(above = this.root): Promise<Authority> {
    return above.below(`Authority ${++this.#made}`);
  }

  /** Enrols a key with its chain. @returns code of the answer, `ok` where it was done, and the name it got */
  async enrol(key: SigningKey, chain: readonly Uint8Array[]): Promise<{ code: string; name: string }> {
    const name = `card-${++this.#made}`;
    const body = { ...(await this.t.enrolment(key, name, name, 'officer')), chainSha256: chainDigest(chain) };
    const headers = { [certificatesHeader]: writeChainHeader(chain) };
    const answer = await this.t.administrator.call('POST', '/v1/credentials', { body, headers });
    return { code: answer.status === 201 ? 'ok' : answer.body.code, name };
  }

  /** Tries to enrol a new key that an authority certified. @returns code of the answer */
  async tryEnrol(authority: Authority, above = [authority.certificate]): Promise<string> {
    const key = await generateKey('ES256');
    return (await this.enrol(key, [await authority.certify(key, 'x'), ...above])).code;
  }

  /** An officer with a certificate of this authority, enrolled and confirmed. */
  async officer(
    authority: Authority,
    above: readonly Uint8Array[] = [authority.certificate],
    serial?: string,
  ): Promise<Holder> {
    const key = await generateKey('ES256');
    const certificate = await authority.certify(key, 'Johanna de Vries', serial ? { serial } : {});
    const { code, name } = await this.enrol(key, [certificate, ...above]);
    if (code !== 'ok') throw new Error(code);
    const path = `/v1/credentials/${key.kid}/confirmation`;
    await this.t.secondAdministrator.call('POST', path, { body: { personId: name, role: 'officer' } });
    const person = this.t.person(key, name, 'officer');
    const ask = async () => {
      const answer = await person.call('GET', '/v1/orders');
      return answer.status === 200 ? 'ok' : answer.body.code;
    };
    return { certificate, person, ask };
  }

  /** Writes a list where the operator would put it, in place of what was there under this name. */
  async write(name: string, list: Uint8Array, authority: Authority): Promise<void> {
    const file = writeListFile({ lists: [list], certificates: [authority.certificate] });
    await writeFile(join(this.folder, name), file);
  }

  /** Writes a list, and has it looked at. @returns why lists are not in use */
  async put(list: Uint8Array, authority: Authority, name = 'list.pem'): Promise<readonly string[]> {
    await this.write(name, list, authority);
    return this.look();
  }

  async look(): Promise<readonly string[]> {
    await this.t.service.watchLists();
    return this.t.service.listFigures().refused;
  }

  /** Lists in use stay in use. */
  async clear(): Promise<void> {
    for (const name of await readdir(this.folder)) await rm(join(this.folder, name));
    await this.look();
  }

  /** Details of the entries of lists so far. */
  async taken(): Promise<readonly Record<string, unknown>[]> {
    const entries = await this.t.entries();
    return entries.filter(({ kind }) => kind === 'revocation_list.taken').map(({ details }) => details);
  }

  async stop(): Promise<void> {
    await this.t.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
