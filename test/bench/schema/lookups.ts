import type { Scope, Target } from '#shared/orders';
import { categoryIds } from '#shared/traffic';
import { hashedKey } from '../../../shared/store/lookup.ts';
import { scopeQuery } from '../../../shared/store/query.ts';
import type { StudyEngine } from './engine.ts';
import type { Variant } from './variants.ts';

/** A kind of lookup with the values that are looked up, each of them once: what is asked again is flattered by caches. */
export interface LookupKind {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const everything: Omit<Scope, 'targets'> = {
  from: '2020-01-01T00:00:00.000Z',
  to: '2100-01-01T00:00:00.000Z',
  categories: categoryIds,
  collectedUpTo: '2100-01-01T00:00:00.000Z',
};

const scopesOf = (targets: readonly Target[], window: Partial<Scope> = {}): Scope[] =>
  targets.map((target) => ({ ...everything, ...window, targets: [target] }));

/**
 * Values for each kind of lookup, out of a table of generated events. Rare is who occurs in at most five
 * minutes of the half year; frequent is who occurs most.
 * @param index table of keys and minutes of the same events
 */
export function lookupKinds(
  engine: StudyEngine,
  tables: { readonly traffic: string; readonly index: string },
  counts: { readonly rare: number; readonly frequent: number },
): LookupKind[] {
  const { traffic, index } = tables;
  const [middle] = engine.rows<{ day: string }>(
    `SELECT toString(toDate(quantileExactLow(0.5)(toUnixTimestamp(collectedAt)))) AS day FROM ${traffic}`,
  );
  const day = `toDate(collectedAt) = '${middle?.day}'`;
  const values = (query: string): string[] => engine.rows<{ v: string }>(query).map(({ v }) => v);
  const keyOf = (kind: Target['kind']): string =>
    kind === 'ip'
      ? "if(position(v, ':') = 0, toUInt64(IPv4StringToNumOrDefault(v)), reinterpretAsUInt64(reverse(substring(IPv6StringToNumOrDefault(v), 1, 8))))"
      : hashedKey(kind === 'messageId' ? 'v' : 'lower(v)');
  const rare = (kind: Target['kind'], column: string): Target[] =>
    values(`SELECT v, ${keyOf(kind)} AS k FROM (SELECT ${column} AS v FROM ${traffic} WHERE ${day} AND v != '' GROUP BY v HAVING count() < 3 ORDER BY sipHash64(v) LIMIT 20000)
WHERE k IN (SELECT key FROM ${index} GROUP BY key HAVING count() <= 5) ORDER BY sipHash64(v) LIMIT ${counts.rare}`).map(
      (value) => ({ kind, value }),
    );
  const frequent = (kind: Target['kind'], column: string): Target[] =>
    values(
      `SELECT ${column} AS v FROM ${traffic} WHERE ${day} AND v != '' GROUP BY v ORDER BY count() DESC LIMIT ${counts.frequent}`,
    ).map((value) => ({ kind, value }));
  const hour = { from: `${middle?.day}T09:00:00.000Z`, to: `${middle?.day}T10:00:00.000Z` };
  const networks = values(
    `SELECT DISTINCT IPv6NumToString(toFixedString(concat(substring(IPv6StringToNumOrDefault(clientIp), 1, 8), unhex('0000000000000000')), 16)) AS v FROM ${traffic} WHERE ${day} AND position(clientIp, ':') > 0 ORDER BY sipHash64(v) LIMIT ${counts.rare}`,
  );
  const domains = values(
    `SELECT v FROM (SELECT splitByChar('@', recipientAddress)[-1] AS v FROM ${traffic} WHERE ${day} AND type = 'message.delivered' AND software = 'postfix' AND service = 'smtp' GROUP BY v HAVING count() < 3) ORDER BY sipHash64(v) LIMIT ${counts.rare}`,
  );
  return [
    { name: 'rare address', scopes: scopesOf(rare('address', 'senderAddress')) },
    { name: 'rare user', scopes: scopesOf(rare('user', 'recipientUser')) },
    { name: 'rare IP address', scopes: scopesOf(rare('ip', 'deliveryHostIp')) },
    { name: 'rare host', scopes: scopesOf(rare('host', 'deliveryHostName')) },
    { name: 'Message-ID', scopes: scopesOf(rare('messageId', 'messageId')) },
    {
      name: 'IPv6 /64',
      scopes: scopesOf(networks.map((value) => ({ kind: 'prefix', value: `${value}/64` }))),
    },
    { name: 'domain of a partner', scopes: scopesOf(domains.map((value) => ({ kind: 'domain', value }))) },
    { name: 'frequent address, one hour', scopes: scopesOf(frequent('address', 'recipientAddress'), hour) },
    { name: 'frequent address', scopes: scopesOf(frequent('address', 'recipientAddress')) },
    { name: 'frequent IP address', scopes: scopesOf(frequent('ip', 'clientIp')) },
  ];
}

/** Milliseconds of each lookup, and the rows that it gave. */
export function timeLookups(
  engine: StudyEngine,
  variant: Variant,
  scopes: readonly Scope[],
): { ms: number[]; rows: number[] } {
  const timed = scopes.map((scope) => {
    const { text, parameters } = scopeQuery(scope, Date.UTC(2026, 6, 4), { months: 24 });
    return engine.time(
      // What was asked before must not help: it would not at an officer's first question.
      variant.query(text).replace('readonly = 2, ', 'use_query_condition_cache = 0, '),
      parameters,
    );
  });
  return { ms: timed.map(({ ms }) => ms), rows: timed.map(({ rows }) => rows) };
}
