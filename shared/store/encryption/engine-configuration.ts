import { join } from 'node:path';
import type { StoredKey } from './key-store.ts';

/** Folder of the encrypted disk in the engine's folder. */
export const diskFolder = 'encrypted';

/** Name of the disk's storage policy; as in infra/clickhouse/config.d/storage.xml. */
export const encryptedPolicy = 'griffie_encrypted_only';

/** Under which name the engine finds a key in its environment. */
export const variableOf = ({ id }: Pick<StoredKey, 'id'>): string => `GRIFFIE_DISK_KEY_${id}_HEX`;

/** Where granules lie, kept in memory and loaded at the start: some 100 MB for 100 million events. */
const markCacheBytes = 256 * 1024 * 1024;

/**
 * What this engine writes beside the columns, and a lookup would open and read for each part: the least and the
 * greatest value of each column, and the lengths of its texts, in files of their own (both new in engine 26).
 */
export const tableDefaults =
  '<auto_statistics_types></auto_statistics_types>' +
  '<string_serialization_version>single_stream</string_serialization_version>';

/**
 * Configuration of the embedded engine: every table on the encrypted disk, new files under the last key. It
 * holds no key.
 *
 * - The encrypted disk has no path of its own beneath the plain one: with one, inserts that sync their
 *   folder look for it under that path twice.
 * - Sorting and grouping stay in memory, where the limits of a query end them: the embedded engine writes
 *   what it spills in plain, whatever policy is set for temporary data (seen with engine 26.7).
 *
 * @param file path of this configuration itself: the engine looks for its users in a file
 * @param keys the oldest first; at least one
 */
export function engineConfiguration(
  engineFolder: string,
  { file, keys }: { readonly file: string; readonly keys: readonly StoredKey[] },
): string {
  const current = keys.at(-1);
  if (current === undefined) throw new RangeError('an encrypted disk has at least one key');
  const spills = ['sort', 'group_by', 'join'].map(
    (use) => `<max_bytes_ratio_before_external_${use}>0</max_bytes_ratio_before_external_${use}>`,
  );
  return `<clickhouse>
  <storage_configuration>
    <disks>
      <griffie_plain>
        <type>local</type>
        <path>${xml(join(engineFolder, diskFolder))}/</path>
      </griffie_plain>
      <griffie_encrypted>
        <type>encrypted</type>
        <disk>griffie_plain</disk>
        <algorithm>AES_256_CTR</algorithm>
        ${keys.map((key) => `<key_hex id="${key.id}" from_env="${variableOf(key)}"/>`).join('\n        ')}
        <current_key_id>${current.id}</current_key_id>
      </griffie_encrypted>
    </disks>
    <policies>
      <${encryptedPolicy}><volumes><main><disk>griffie_encrypted</disk></main></volumes></${encryptedPolicy}>
    </policies>
  </storage_configuration>
  <merge_tree><storage_policy>${encryptedPolicy}</storage_policy>${tableDefaults}</merge_tree>
  <mark_cache_size>${markCacheBytes}</mark_cache_size>
  <users_config>${xml(file)}</users_config>
  <profiles><default>${spills.join('')}</default></profiles>
  <quotas><default/></quotas>
  <users>
    <default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
  </users>
</clickhouse>
`;
}

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
