import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Session } from 'chdb';
import { lighterPlanning } from '../../../shared/store/embedded/engine.ts';
import { tableDefaults } from '../../../shared/store/encryption/engine-configuration.ts';

/** The engine with every table on an encrypted disk, as the example configuration has it. */
export interface StudyEngine {
  run(statement: string): void;
  rows<Row>(query: string): Row[];
  /** Milliseconds that a query takes until its last row is there, and how many rows it gave. */
  time(query: string, parameters: object): { readonly ms: number; readonly rows: number };
  close(): void;
}

/** @param folder of the data; its key lies beside it, so that a study can be taken up again. */
export async function openStudyEngine(folder: string): Promise<StudyEngine> {
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  const keyFile = join(folder, 'key');
  const key = await readFile(keyFile, 'utf8').catch(() => randomBytes(32).toString('hex'));
  await writeFile(keyFile, key, { mode: 0o600 });
  process.env.GRIFFIE_STUDY_KEY = key;
  const configuration = join(folder, 'disk.xml');
  await writeFile(
    configuration,
    `<clickhouse>
  <storage_configuration>
    <disks>
      <plain><type>local</type><path>${join(data, 'encrypted')}/</path></plain>
      <encrypted><type>encrypted</type><disk>plain</disk><algorithm>AES_256_CTR</algorithm><key_hex id="1" from_env="GRIFFIE_STUDY_KEY"/><current_key_id>1</current_key_id></encrypted>
    </disks>
    <policies><encrypted_only><volumes><main><disk>encrypted</disk></main></volumes></encrypted_only></policies>
  </storage_configuration>
  <merge_tree><storage_policy>encrypted_only</storage_policy>${tableDefaults}</merge_tree>
</clickhouse>
`,
  );
  const session = new Session(data, { connectionArgs: [`--config-file=${configuration}`] });
  session.query(lighterPlanning);
  return {
    run: (statement) => void session.query(statement),
    rows: <Row>(query: string) => {
      const text = session.query(query, 'JSONEachRow').trim();
      return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Row);
    },
    time: (query, parameters) => {
      const started = process.hrtime.bigint();
      const text = session.queryBind(query, parameters, 'JSONEachRow');
      const ms = Number(process.hrtime.bigint() - started) / 1e6;
      return { ms, rows: text === '' ? 0 : text.trimEnd().split('\n').length };
    },
    close: () => session.close(),
  };
}
