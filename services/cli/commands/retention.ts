import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { pictureLines, pictureSvg } from '#shared/retention';
import { openSource } from '../audit/entry-source.ts';
import { folderAt, isUrl } from '../audit/place.ts';
import { refused, unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { pairs, printResult, table } from '../output.ts';
import { verifyCertificates } from '../retention/certificates.ts';
import { addDiskCommand, addPrepareDiskCommand } from '../retention/disk.ts';
import { askStatus } from '../status-socket.ts';
import { defaultDataFolder } from './start.ts';

const dayCount = z.object({ place: z.string(), day: z.string(), rows: z.int(), bytes: z.int() });
const statusView = z.object({
  lookedAt: z.string().nullable(),
  period: z.string(),
  clock: z
    .object({ ok: z.boolean(), code: z.string().optional(), sentence: z.string().optional() })
    .nullable(),
  fault: z.string().nullable(),
  through: z.string().nullable(),
  removing: z.array(dayCount),
  lastCertificate: z.object({ through: z.string(), at: z.string(), goneAt: z.string() }).nullable(),
  overdue: z.array(z.object({ place: z.string(), items: z.int(), oldest: z.string().optional() })),
  notChecked: z.array(z.object({ place: z.string(), reason: z.string() })),
  engineHeld: z.boolean(),
  diskKeys: z.array(
    z.object({
      id: z.int(),
      digest: z.string(),
      createdAt: z.string(),
      current: z.boolean(),
      files: z.int(),
      firstDay: z.string().nullable(),
      lastDay: z.string().nullable(),
    }),
  ),
  reconciliation: z
    .object({
      through: z.string().nullable(),
      fault: z.string().nullable(),
      differing: z.array(z.object({ day: z.string(), source: z.string() })),
    })
    .nullable(),
  holds: z.array(
    z.object({
      orderId: z.string(),
      since: z.string(),
      until: z.string(),
      over: z.string().nullable(),
      records: z.int(),
      bytes: z.int(),
      copiedAt: z.string().nullable(),
      fault: z.string().nullable(),
    }),
  ),
  days: z.array(
    z.object({
      day: z.string(),
      rows: z.int(),
      bytes: z.int(),
      state: z.enum(['held', 'next', 'due', 'gone']),
    }),
  ),
});
type StatusView = z.infer<typeof statusView>;

interface StatusOptions {
  readonly data: string;
  readonly svg?: string;
  readonly json?: boolean;
}

interface VerifyOptions {
  readonly as?: string;
  readonly backups?: string;
  readonly backupDays: string;
  readonly json?: boolean;
}

/** How long a backup may be kept where nothing else is said (Italian Garante, 17 January 2008: about 30 days). */
const defaultBackupDays = '30';
const dayMs = 86_400_000;

/** `griffie retention …`: what is held and what is gone, for operators and for auditors. */
export function addRetentionCommands(program: Command, io: CliIo): void {
  const group = program.command('retention').description('what is held, what goes next, what is gone');

  group
    .command('status')
    .description('days held, going and gone, with a picture; for the operator, on the machine that runs it')
    .option('--data <folder>', 'data folder of the running Griffie', defaultDataFolder)
    .option('--svg <file>', 'also write the picture as SVG')
    .addOption(jsonOption())
    .addHelpText('after', example('retention status', 'retention status --svg days.svg'))
    .action(async ({ data, svg, json }: StatusOptions) => {
      const status = await askStatus(data, '/retention', statusView);
      if (svg !== undefined) await writeFile(svg, pictureSvg(status));
      await printResult(io, json, status, statusLines(status));
    });

  addDiskCommand(group, io);
  addPrepareDiskCommand(group, io);

  group
    .command('verify')
    .argument('<url|folder>', 'URL of the service, or a copy of its ledger folder')
    .description('hold the certificates of deletion against each other, and against the days that went by')
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .option('--backups <folder>', 'also look for backups that are older than their window')
    .option('--backup-days <days>', 'the window', defaultBackupDays)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${example('retention verify https://griffie.example.nl --as auditor.json', 'retention verify ./ledger-copy --backups /var/backups/griffie')}\n\nThe ledger itself is verified by griffie audit verify.`,
    )
    .action(async (place: string, options: VerifyOptions) => {
      const source = await openSource(io, isUrl(place) ? place : await folderAt(place), options.as);
      const report = await verifyCertificates(source);
      const backups =
        options.backups === undefined ? [] : await oldBackups(options.backups, options.backupDays);
      const problems = [...report.problems, ...backups];
      await printResult(io, options.json, { ...report, problems }, [
        ...pairs({
          certificates: report.certificates,
          'days removed': report.daysRemoved,
          'rows removed': report.rowsRemoved,
          'holds removed':
            report.holdsRemoved === 0
              ? undefined
              : `${report.holdsRemoved}, of ${report.heldRemoved} records`,
          'gone through': report.through ?? 'none yet',
          'latest certificate': report.lastAt ?? 'none yet',
          'longest time to removal':
            report.slowestHours === null ? undefined : `${report.slowestHours} hours`,
        }),
        ...(report.policies.length === 0 ? [] : ['']),
        ...(report.policies.length === 0
          ? []
          : table(
              ['VERSION', 'PERIOD', 'SINCE', 'LEGAL BASIS'],
              report.policies.map(({ version, period, since, legalBasis }) => [
                String(version),
                period,
                since,
                legalBasis,
              ]),
            )),
        ...report.remarks,
      ]);
      if (problems.length > 0) {
        throw refused(
          'retention.not_verified',
          'deletion is not shown as it should be',
          problems.map((sentence) => ({ path: '', sentence })),
        );
      }
    });
}

function statusLines(status: StatusView): string[] {
  const { clock, fault, overdue, notChecked, removing, lastCertificate, engineHeld, reconciliation } = status;
  return [
    ...pairs({
      period: status.period,
      'looked at': status.lookedAt ?? 'not yet',
      'gone through': lastCertificate?.through ?? 'no certificate yet',
      certified: lastCertificate?.at,
      'sums taken through': reconciliation?.through ?? undefined,
      'being removed': removing.length === 0 ? undefined : `${removing.length} days`,
    }),
    ...(clock?.ok === false ? ['', clock.sentence ?? ''] : []),
    ...(fault === null ? [] : ['', `The last look came to nothing (${fault}); it is tried again.`]),
    ...(engineHeld || status.lookedAt === null
      ? []
      : ['', 'The engine also deletes by its own clock: the user lacks the right to keep it from that.']),
    ...overdue.map(
      ({ place, items, oldest }) =>
        `PAST ITS TIME: ${items} in ${place}${oldest === undefined ? '' : `, the oldest of ${oldest}`}`,
    ),
    ...sumsLines(status),
    ...notChecked.map(({ place, reason }) => `not looked at: ${place} (${reason})`),
    '',
    ...pictureLines(status),
    ...holdLines(status),
    ...keyLines(status),
  ];
}

/** Whether what collectors counted is what is stored. */
function sumsLines({ reconciliation }: StatusView): string[] {
  const { differing = [], fault = null } = reconciliation ?? {};
  if (fault !== null) return [`The sums of sources could not be looked at (${fault}); it is tried again.`];
  return differing.map(
    ({ day, source }) => `SUMS DIFFER: ${source} on ${day}; griffie reconcile says by how much`,
  );
}

/** What orders hold, apart from the days. */
function holdLines({ holds }: StatusView): string[] {
  if (holds.length === 0) return [];
  const rows = holds.map(({ orderId, since, until, over, records, copiedAt, fault }) => [
    orderId,
    since,
    until,
    String(records),
    fault === null
      ? (over ?? (copiedAt === null ? 'not copied yet' : 'held'))
      : `COULD NOT BE COPIED (${fault})`,
  ]);
  return ['', ...table(['HELD BY ORDER', 'SINCE', 'UNTIL', 'RECORDS', 'STATUS'], rows)];
}

/** The keys of the disk, with the days that need each: once no day does, a key is destroyed. */
function keyLines({ diskKeys }: StatusView): string[] {
  if (diskKeys.length === 0) return [];
  const rows = diskKeys.map(({ id, digest, createdAt, current, files, firstDay, lastDay }) => [
    String(id),
    digest.slice(0, 16),
    createdAt.slice(0, 10),
    firstDay === null ? 'none' : `${firstDay} to ${lastDay}`,
    String(files),
    current ? 'written under' : '',
  ]);
  return ['', ...table(['DISK KEY', 'DIGEST', 'MADE', 'DAYS', 'FILES', ''], rows)];
}

/** Sentences about files of a folder that were written longer ago than backups may be kept. */
async function oldBackups(folder: string, daysText: string): Promise<string[]> {
  const days = /^[1-9][0-9]{0,3}$/.test(daysText) ? Number(daysText) : null;
  if (days === null) throw unusable('usage', '--backup-days is a whole number of days');
  const names = await readdir(await folderAt(folder), { recursive: true });
  const before = Date.now() - days * dayMs;
  const old: string[] = [];
  for (const name of names) {
    const status = await stat(join(folder, name)).catch(() => null);
    if (status?.isFile() && status.mtimeMs < before) {
      old.push(
        `the backup ${name} is of ${status.mtime.toISOString().slice(0, 10)}, before the window of ${days} days`,
      );
    }
  }
  return old;
}
