import type { Command } from 'commander';
import { z } from 'zod';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { pairs, printable, printResult, table } from '../output.ts';
import { askStatus } from '../status-socket.ts';
import { defaultDataFolder } from './start.ts';

interface StatusOptions {
  readonly data: string;
  readonly json?: boolean;
}

const listedView = z.object({ reason: z.string(), position: z.string(), readAt: z.string() });
const sourceView = z.object({
  id: z.string(),
  kind: z.string(),
  path: z.string().optional(),
  state: z.string(),
  lagBytes: z.int().optional(),
  lagLines: z.int().optional(),
  requests: z.object({ accepted: z.int(), refused: z.record(z.string(), z.int()) }).optional(),
  lastLineAt: z.string().optional(),
  lines: z.int(),
  events: z.int(),
  ignored: z.int(),
  repeated: z.int(),
  notUnderstood: z.record(z.string(), z.int()),
  gapCount: z.int(),
  gaps: z.array(listedView),
  open: z.int(),
  lastFault: z.object({ code: z.string(), message: z.string(), at: z.string() }).optional(),
});
type SourceView = z.infer<typeof sourceView>;

const statusView = z.object({
  version: z.string(),
  startedAt: z.string(),
  url: z.string(),
  sources: z.array(sourceView),
  ingester: z.record(z.string(), z.unknown()),
  ledger: z.object({ size: z.int() }),
});

/** `griffie sources` and `griffie status`: for the operator, on the machine that runs it. */
export function addStatusCommands(program: Command, io: CliIo): void {
  program
    .command('sources')
    .description('each source with its lag, and the lines that were not understood')
    .option('--data <folder>', 'data folder of the running Griffie', defaultDataFolder)
    .option('--not-understood <id>', 'list the last such lines of one source: reason and position')
    .addOption(jsonOption())
    .addHelpText('after', example('sources', 'sources --not-understood mail-log'))
    .action(async ({ data, json, notUnderstood }: StatusOptions & { readonly notUnderstood?: string }) => {
      if (notUnderstood === undefined) {
        const { sources } = await askStatus(data, '/status', statusView);
        return printResult(io, json, sources, sourceLines(sources));
      }
      const path = `/sources/${encodeURIComponent(notUnderstood)}/not-understood`;
      const listed = await askStatus(data, path, z.array(listedView));
      const rows = listed.map(({ reason, position, readAt }) => [reason, position, readAt]);
      return printResult(io, json, listed, table(['REASON', 'POSITION', 'READ AT'], rows));
    });

  program
    .command('status')
    .description('whether Griffie runs on a data folder, and how it does')
    .option('--data <folder>', 'data folder of the running Griffie', defaultDataFolder)
    .addOption(jsonOption())
    .addHelpText('after', example('status --data /var/lib/griffie'))
    .action(async ({ data, json }: StatusOptions) => {
      const status = await askStatus(data, '/status', statusView);
      const { version, startedAt, url, sources, ingester, ledger } = status;
      const numbers = Object.entries(ingester).filter(
        (member): member is [string, number] => typeof member[1] === 'number',
      );
      await printResult(io, json, status, [
        ...pairs({ version, started: startedAt, url, 'ledger entries': ledger.size }),
        ...pairs(Object.fromEntries(numbers.map(([name, value]) => [`ingester ${name}`, value]))),
        '',
        ...sourceLines(sources),
      ]);
    });
}

function sourceLines(sources: readonly SourceView[]): string[] {
  if (sources.length === 0) return ['No sources are configured; give some to griffie start with --source.'];
  const titles = ['SOURCE', 'STATE', 'LAG', 'LINES', 'EVENTS', 'NOT UNDERSTOOD', 'GAPS', 'OPEN', 'LAST LINE'];
  const rows = sources.map((source) => [
    source.id,
    source.state,
    lagOf(source),
    String(source.lines),
    String(source.events),
    String(Object.values(source.notUnderstood).reduce((sum, count) => sum + count, 0)),
    String(source.gapCount),
    String(source.open),
    source.lastLineAt ?? '',
  ]);
  return [...table(titles, rows), ...sources.flatMap(remarks)];
}

function lagOf({ lagBytes, lagLines }: SourceView): string {
  if (lagBytes !== undefined) return `${lagBytes} bytes`;
  return lagLines === undefined ? 'unknown' : `${lagLines} lines`;
}

/** What an operator should look into. */
function remarks({ id, notUnderstood, requests, gaps, lastFault }: SourceView): string[] {
  const reasons = Object.entries(notUnderstood).sort(([, a], [, b]) => b - a);
  return [
    ...reasons.map(([reason, count]) => `${id}: ${count} lines not understood: ${reason}`),
    ...Object.entries(requests?.refused ?? {}).map(
      ([reason, count]) => `${id}: ${count} requests refused: ${reason}`,
    ),
    ...gaps.map(({ reason, position }) => `${id}: lines may be missing at ${position}: ${reason}`),
    ...(lastFault ? [`${id}: ${lastFault.message} (${lastFault.code}, ${lastFault.at})`] : []),
  ].map(printable);
}
