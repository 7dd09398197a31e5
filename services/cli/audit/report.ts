import type { Gap } from '#shared/control';
import { pairs } from '../output.ts';
import type { Verification } from './verify.ts';

/** What each gap means, after "N entries: ". */
const gapSentences: Readonly<Record<Gap, string>> = {
  case_file:
    'what the order or the request says is in a case file; give --cases with --case-master or --case-identity where you may have them',
  case_file_missing:
    'the case file is not there, and no entry says that it was erased: it was lost, or the folder is not whole',
  case_file_locked: 'the key of the case is not among those that were given',
  case_file_erased: 'the case was erased, as a later entry says',
  case_file_not_erased:
    'a later entry says that the case was erased, and it is there: the copy is older, or it was not done',
  other_rules: 'recorded under another version of the rules than this program has',
  body: 'the body that was signed is not in the ledger in the spelling that was sent',
  revocation_list:
    'it hangs on a revocation list, which is kept beside the ledger; give --revocation-lists with a copy of them',
  revocation_list_missing: 'the revocation list is not in the folder that was given',
  no_request: 'the refused request is not in the ledger, because it could have named somebody',
  outside: 'refused for what is outside the ledger: the form of a body, a file, the store',
  unknown_rule: 'a route or reason that this version does not know',
  clock: 'the clock reading is before that of an earlier entry; was the clock set, or the entry dated back?',
};

/** Gaps that every honest ledger has, because the ledger holds nobody's data. */
const expected: ReadonlySet<string> = new Set<Gap>([
  'case_file',
  'case_file_erased',
  'revocation_list',
  'no_request',
  'outside',
]);

/** Whether all was checked that can be, as a rule; where not, a person has something to look at. */
export function isComplete(found: Verification): boolean {
  return (
    !isOtherService(found) &&
    found.witnessed?.isStale !== true &&
    found.timestamps.verified?.isStale !== true &&
    Object.keys(found.replay.gaps).every((gap) => expected.has(gap))
  );
}

/** Signed requests name the service; a ledger that names another one may hold requests that were made there. */
function isOtherService({ audience }: Verification): boolean {
  return audience.expected !== null && audience.inLedger !== audience.expected;
}

export function resultOf(found: Verification): object {
  const { log, replay, key, keyFrom, state, problems, contradicts } = found;
  return {
    verified: problems.length === 0,
    complete: isComplete(found),
    origin: log.origin,
    size: log.size,
    root: Buffer.from(log.root).toString('base64'),
    checkpoint: log.checkpoint?.note ?? null,
    key: key.vkey,
    keyRotations: found.keyRotations.map(({ index, from, to }) => ({ index, from: from.vkey, to: to.vkey })),
    keyFrom,
    keysPinned: keyFrom === 'pinned',
    audience: found.audience.inLedger,
    audienceExpected: found.audience.expected,
    tilesCompared: log.checked.tiles,
    entriesHashed: log.checked.entries,
    entriesReplayed: replay.entries,
    signaturesVerified: replay.signaturesVerified,
    decisionsRemade: replay.decisionsRemade,
    timestamps: { days: found.timestamps.days, verified: found.timestamps.verified },
    caseFiles: found.casesGiven,
    counts: replay.counts,
    notChecked: Object.entries(replay.gaps).map(([gap, { count, first }]) => ({
      what: gap,
      why: gapSentences[gap as Gap],
      count,
      first,
    })),
    witnesses: log.witnesses,
    witnessed: found.witnessed,
    state: state && { ...state, extended: seenExtended(found) },
    ...(contradicts === null ? {} : { contradicts }),
    problems,
  };
}

/** The same for people. Problems are not in it: they are told as the failure. */
export function reportLines(found: Verification): string[] {
  const { log, replay, key, problems } = found;
  const kinds = Object.entries(replay.counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    problems.length === 0
      ? 'The ledger is verified. Checked were:'
      : 'The ledger is NOT verified. Looked at were:',
    `  - the checkpoint of ${log.size} entries, signed by ${key.name}`,
    `  - the tree over ${log.checked.entries} entries, and ${log.checked.tiles} hash tiles`,
    `  - each of ${replay.entries} entries, against those before it, by the rules of this version`,
    `  - ${replay.decisionsRemade} decisions, made again with the same outcome`,
    `  - ${replay.signaturesVerified} signed requests, by the keys of those who made them`,
    ...found.keyRotations.map(
      ({ index, to }) =>
        `  - the change of the ledger's key in entry ${index}, signed by the key before it, to ${to.vkey}`,
    ),
    ...witnessLines(found),
    ...timestampLines(found),
    ...stateLine(found),
    ...gapLines(found),
    '',
    ...pairs(Object.fromEntries(kinds)),
    '',
    `root  ${Buffer.from(log.root).toString('base64')}`,
    ...keyLines(found),
  ];
}

function witnessLines({ witnessed, log }: Verification): string[] {
  if (witnessed === null) return [];
  const over = witnessed.size === log.size ? '' : `, over the first ${witnessed.size} entries`;
  return witnessed.by.map(
    ({ name, time }) => `  - the cosignature of ${name}, of ${new Date(time * 1000).toISOString()}${over}`,
  );
}

function timestampLines({ timestamps }: Verification): string[] {
  const { verified } = timestamps;
  if (verified === null || verified.count === 0) return [];
  return [`  - ${verified.count} time stamps of checkpoints, from ${verified.first} to ${verified.last}`];
}

/** The checkpoint kept for witnesses is among the earlier ones, and is not one that the auditor kept. */
const seenExtended = ({ state, log }: Verification): number =>
  Math.min(log.checked.earlier, state?.earlier ?? 0);

function stateLine(found: Verification): string[] {
  const { state } = found;
  if (state === null) return [];
  return state.earlier === 0
    ? ['  - nothing was seen before: this checkpoint is the first that is kept']
    : [`  - it extends ${seenExtended(found)} of the ${state.earlier} checkpoints that were seen before`];
}

function gapLines({ replay }: Verification): string[] {
  const gaps = Object.entries(replay.gaps);
  if (gaps.length === 0) return [];
  return [
    'Could not be checked:',
    ...gaps.map(([gap, { count, first }]) => {
      const indexes = `${first.join(', ')}${count > first.length ? ', …' : ''}`;
      return `  - ${count} ${count === 1 ? 'entry' : 'entries'} (${indexes}): ${gapSentences[gap as Gap]}`;
    }),
  ];
}

function keyLines(found: Verification): string[] {
  const { keyFrom, state, audience } = found;
  const lines: string[] = [];
  if (found.witnessed?.isStale) {
    lines.push('The cosignatures are more than a day old: ask the witnesses and the operator why.');
  }
  if (found.witnessed?.isAhead) {
    lines.push('A cosignature has a time that has not come yet: a clock is wrong, the witness’s or yours.');
  }
  if (found.timestamps.verified?.isStale) {
    lines.push('The last time stamp is more than two days old: ask the operator why.');
  }
  if (found.timestamps.verified === null && found.timestamps.days > 0) {
    lines.push(`There are time stamps of ${found.timestamps.days} days: --timestamp-ca verifies them.`);
  }
  if (isOtherService(found)) {
    lines.push(`The ledger is of ${audience.inLedger}, not of ${audience.expected}: did the service move?`);
  }
  if (keyFrom === 'service') {
    lines.push('The keys came from the service itself: this shows no forgery by the service. Use --keys.');
    if (state !== null) lines.push('The key was kept on first use; compare it with the operator once.');
  }
  if (state === null) {
    lines.push('Whoever has the log’s key could have written it anew: keep a --state file to find that.');
  }
  return lines.length === 0 ? [] : ['', ...lines];
}
