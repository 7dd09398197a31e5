import { type Command, InvalidArgumentError, Option } from 'commander';
import { type EntryFilter, entryFilterSchema, entryKinds, outcomes } from '#shared/control';
import { createApiClient } from '../api-client.ts';
import { unusable } from '../errors.ts';
import { createPrivate } from '../files.ts';
import { type CliIo, write } from '../io.ts';
import { collect, example, idArgument, jsonOption, timeArgument } from '../options.ts';
import { printable, printResult, table } from '../output.ts';
import { csvHead, csvLine, ndjsonLine, rowOf, rowTitles } from './entry-rows.ts';
import { type EntrySource, entriesFrom, type FoundEntry, openSource, serviceSource } from './entry-source.ts';
import { follow } from './follow.ts';
import { auditorOf } from './place.ts';
import { readStory } from './story.ts';
import { storyLines, storyResult } from './story-report.ts';

interface FilterArguments {
  readonly from?: string;
  readonly to?: string;
  readonly about: readonly string[];
  readonly actor?: string;
  readonly kind: readonly string[];
  readonly outcome?: EntryFilter['outcome'];
}

interface PlaceArguments {
  readonly as?: string;
  readonly json?: boolean;
}

const place = '<url|folder>';
const placeHelp = 'URL of the service, or a copy of its ledger folder';

/** `griffie audit search|story|export|follow`: reading the ledger in comfort. `verify` is what proves it. */
export function addReadCommands(audit: Command, io: CliIo): void {
  addSearch(audit, io);
  addStory(audit, io);
  addExport(audit, io);
  addFollow(audit, io);
}

const asAuditor = (): Option => new Option('--as <file>', "an auditor's credential file; needed for a URL");

function filtered(command: Command): Command {
  return command
    .option('--from <time>', 'not before', timeArgument)
    .option('--to <time>', 'not after', timeArgument)
    .option('--about <id>', 'an order, a disclosure or a credential (can be repeated)', collect, [])
    .option('--actor <name>', 'a credential, its thumbprint, a person, or a service')
    .addOption(new Option('--kind <kind>', 'kind of entry (can be repeated)').default([]).argParser(kind))
    .addOption(new Option('--outcome <outcome>', 'how it ended').choices(outcomes));
}

function kind(value: string, previous: readonly string[]): readonly string[] {
  if (!entryKinds.some((known) => known === value)) {
    throw new InvalidArgumentError(`Allowed kinds are ${entryKinds.join(', ')}.`);
  }
  return [...previous, value];
}

/** The filter of a command's options. */
function filterOf({ from, to, about, actor, kind: kinds, outcome }: FilterArguments): EntryFilter {
  const present = {
    from,
    to,
    about: about.length > 0 ? about : undefined,
    actor,
    kinds: kinds.length > 0 ? kinds : undefined,
    outcome,
  };
  const parsed = entryFilterSchema.safeParse(JSON.parse(JSON.stringify(present)));
  if (parsed.success) return parsed.data;
  const names = new Set(parsed.error.issues.map(({ path }) => `--${String(path[0])}`));
  throw unusable(
    'usage',
    `${[...names].join(', ')} cannot be looked for; give ids and names as griffie prints them`,
  );
}

function count(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

function addSearch(audit: Command, io: CliIo): void {
  filtered(audit.command('search'))
    .argument(place, placeHelp)
    .description('search the ledger, oldest first')
    .option('--first <index>', 'index to begin at', count, 0)
    .option('--limit <number>', 'most entries to show', count, 100)
    .addOption(asAuditor())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'audit search https://griffie.example.nl --as auditor.json --outcome refused --from 2026-11-01T00:00:00Z',
        'audit search ./ledger-copy --about 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e',
      ),
    )
    .action(
      async (where: string, options: FilterArguments & PlaceArguments & { first: number; limit: number }) => {
        const source = await openSource(io, where, options.as);
        const { items, next } = await search(source, filterOf(options), options.first, options.limit);
        await printResult(io, options.json, { items, next }, [
          ...(items.length === 0 ? ['Nothing was found.'] : table(rowTitles, items.map(rowOf))),
          ...(next === null ? [] : ['', `There may be more: add --first ${next}`]),
        ]);
      },
    );
}

async function search(
  source: EntrySource,
  filter: EntryFilter,
  first: number,
  limit: number,
): Promise<{ items: FoundEntry[]; next: number | null }> {
  const items: FoundEntry[] = [];
  let next: number | null = first;
  while (next !== null && items.length < limit) {
    const page = await source.page(filter, next, limit - items.length);
    items.push(...page.items);
    next = page.next;
  }
  return { items, next };
}

function addStory(audit: Command, io: CliIo): void {
  audit
    .command('story')
    .argument(place, placeHelp)
    .argument('<disclosure>', 'id of the disclosure', idArgument)
    .description(
      'all that happened to one disclosure: order, approval, request, decision, package, collection',
    )
    .addOption(asAuditor())
    .addOption(jsonOption())
    .addHelpText('after', example('audit story ./ledger-copy 01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e'))
    .action(async (where: string, disclosureId: string, options: PlaceArguments) => {
      const story = await readStory(await openSource(io, where, options.as), disclosureId);
      await printResult(io, options.json, storyResult(story), storyLines(story));
    });
}

function addExport(audit: Command, io: CliIo): void {
  filtered(audit.command('export'))
    .argument(place, placeHelp)
    .description('write matching entries as they stand in the ledger')
    .addOption(new Option('--format <format>', 'of the lines').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--out <file>', 'new file to write (default: standard output)')
    .addOption(asAuditor())
    .addOption(new Option('--json', 'the same as --format ndjson').conflicts('format'))
    .addHelpText('after', example('audit export ./ledger-copy --format csv --out ledger.csv'))
    .action(
      async (where: string, options: FilterArguments & PlaceArguments & { format: string; out?: string }) => {
        const filter = filterOf(options);
        const source = await openSource(io, where, options.as);
        const isCsv = options.format === 'csv';
        const file = options.out === undefined ? null : await createPrivate(options.out);
        const put = (text: string) => (file ? file.write(text).then(() => {}) : write(io.stdout, text));
        try {
          if (isCsv) await put(csvHead);
          for await (const found of entriesFrom(source, filter)) {
            await put(isCsv ? csvLine(found) : ndjsonLine(found));
          }
          await file?.sync();
        } finally {
          await file?.close();
        }
      },
    );
}

function addFollow(audit: Command, io: CliIo): void {
  filtered(audit.command('follow'))
    .argument('<url>', 'URL of the service')
    .description('show new entries as they come, until Ctrl-C')
    .option('--interval <seconds>', 'between two looks', count, 5)
    .addOption(asAuditor())
    .addOption(new Option('--json', 'print each entry as a line of JSON'))
    .addHelpText(
      'after',
      example('audit follow https://griffie.example.nl --as auditor.json --outcome refused'),
    )
    .action(async (url: string, options: FilterArguments & PlaceArguments & { interval: number }) => {
      const filter = filterOf(options);
      const { service, auditor } = await auditorOf(io, url, options.as);
      const stopping = new AbortController();
      io.onStop(() => stopping.abort());
      const entries = follow(createApiClient({ io, service }), serviceSource(auditor), {
        filter,
        intervalMs: Math.max(options.interval, 1) * 1000,
        signal: stopping.signal,
      });
      for await (const found of entries) {
        const line =
          options.json === true ? ndjsonLine(found) : `${rowOf(found).map(printable).join('  ')}\n`;
        await write(io.stdout, line);
      }
    });
}
