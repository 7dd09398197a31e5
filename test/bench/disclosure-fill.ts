import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createMigrations,
  defaultRetention,
  keyFolderOf,
  loadMigrations,
  openEncryptedDatabase,
} from '#shared/store';
import { addressOf } from './disclosure-sizes.ts';
import { untilMerged } from './merges.ts';

/*
 * Child process of the benchmark: fills the engine of a data folder with deliveries of half a year, made by
 * the engine itself. An address for each size gets so many; as many are to other people.
 * Arguments: the data folder, the sizes.
 */

const days = 170;
const [folder = '', ...texts] = process.argv.slice(2);
const sizes = texts.map(Number);
await mkdir(folder, { recursive: true, mode: 0o700 });
const { database } = await openEncryptedDatabase({
  folder: join(folder, 'engine'),
  keyFolder: keyFolderOf(folder),
  now: Date.now(),
});
await createMigrations(database, {
  retention: defaultRetention,
  migrations: await loadMigrations(),
}).apply();

const all = 2 * sizes.reduce((sum, size) => sum + size, 0);
const end = Date.now() - 86_400_000;
/** Who an event is to: of two in a row one belongs to a disclosure, the largest last. */
const recipient = sizes.reduceRight((rest, size, index) => {
  const before = sizes.slice(0, index).reduce((sum, each) => sum + each, 0);
  return `if(mine >= ${before} AND mine < ${before + size}, '${addressOf(size)}', ${rest})`;
}, "concat('user', toString(number % 7000), '@example.nl')");
await database.command(`INSERT INTO traffic (eventIdHex, schemaVersion, type, occurredAt, collectedAt, host,
  software, service, protocol, queueId, messageId, sizeOctets, recipientCount, senderIp, senderAddress,
  originHostIp, originHostName, recipientAddress, deliveryHostIp, deliveryHostName, deliveryHostPort, outcome,
  dsn, replyCode, tls, correlation, sourceId, sourcePosition)
WITH if(number % 2 = 0, intDiv(number * 7919 % ${all}, 2), ${all}) AS mine,
  concat('198.51.', toString(100 + number % 100), '.', toString(1 + number % 250)) AS ip,
  fromUnixTimestamp64Milli(toInt64(${end} - (${all} - number) * ${Math.floor((days * 86_400_000) / all)}), 'UTC') AS at
SELECT lower(hex(substring(SHA256(concat('["griffie-event/v1","bench","0:', toString(number * 180), '",0]')), 1, 16))), 1, 'message.delivered', at, at + toIntervalMillisecond(700),
  'mx1.example.nl', 'postfix', 'smtp', 'lmtp', hex(number + 1548288),
  concat(toString(number), '.20261122170340@mail.example', toString(number % 900), '.net'),
  2000 + number % 90000, 1, ip, concat('sender.', toString(number % 20000), '@example', toString(number % 900), '.net'),
  ip, concat('mail', toString(number % 5000), '.example', toString(number % 900), '.net'), ${recipient},
  '198.51.100.4', 'store.example.nl', 24, 'sent', '2.0.0', 250, true, 'complete', 'bench',
  concat('0:', toString(number * 180))
FROM numbers(${all}) SETTINGS max_partitions_per_insert_block = 0`);
await untilMerged(database);
await database.close();
process.stdout.write(`${JSON.stringify({ events: all })}\n`);
