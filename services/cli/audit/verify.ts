import { Replay, type ReplayReport } from '#shared/control';
import {
  type KeyChain,
  type LogReport,
  type NoteVerifier,
  type SignedCheckpoint,
  verifyLog,
} from '#shared/ledger';
import { loadRegimes } from '#shared/regimes';
import { utc } from '#shared/runtime';
import type { CliIo } from '../io.ts';
import { write } from '../io.ts';
import { createCaseChecker } from './case-checks.ts';
import { type CaseKeys, openCaseReader } from './case-files.ts';
import { keyProblems, readKeyChain } from './key-chain.ts';
import { createListChecker } from './list-checks.ts';
import { folderAt, type LedgerPlace, openPlace, type PlaceOptions } from './place.ts';
import { type AuditState, addCheckpoint, readAuditState } from './state-file.ts';
import { readTimestamps, type Timestamps } from './timestamps.ts';
import {
  judgeWitnesses,
  openWitnessed,
  type WitnessDemand,
  type Witnessed,
  witnessDemand,
} from './witnessed.ts';

export interface VerifyOptions extends PlaceOptions {
  /** File of the checkpoints seen before. */
  readonly state?: string;
  /** Verifier keys of witnesses that must have cosigned. */
  readonly witness: readonly string[];
  /** How many of them; by default all. */
  readonly quorum?: number;
  /** Certificates of a time-stamping authority that is trusted: demands its time stamps. */
  readonly timestampCa?: string;
  /** Folder of the data files of regimes that are not shipped. */
  readonly regimes?: string;
  /** Folder of case files, and what opens them. */
  readonly cases?: { readonly folder: string; readonly opens: CaseKeys };
  /** Folder of the revocation lists that were in use. */
  readonly revocationLists?: string;
}

export interface VerifyProblem {
  readonly code: string;
  readonly sentence: string;
}

/** What a verification found, for a person or a program. */
export interface Verification {
  readonly problems: readonly VerifyProblem[];
  readonly log: LogReport;
  /** What the demanded witnesses vouch for; null where none were demanded, or too few cosigned. */
  readonly witnessed: Witnessed | null;
  readonly replay: ReplayReport;
  /** The one that signed the checkpoint, or must have. */
  readonly key: NoteVerifier;
  /** Changes of key that led to it from the one that was believed. */
  readonly keyRotations: KeyChain['rotations'];
  readonly keyFrom: LedgerPlace['keyFrom'];
  /** The service's URL as the ledger has it last, and as the auditor knows it; null where that is not known. */
  readonly audience: { readonly inLedger: string | null; readonly expected: string | null };
  /** Null where none is kept; `earlier`: checkpoints in it before this verification. */
  readonly state: { readonly file: string; readonly earlier: number } | null;
  readonly timestamps: Timestamps;
  readonly casesGiven: boolean;
  /** The checkpoint before this one that this one does not extend: with it, proof of a fork. */
  readonly contradicts: string | null;
}

/** Verifies a ledger; writes nothing but the state file, and that only where nothing was found. */
export async function verifyLedger(io: CliIo, place: string, options: VerifyOptions): Promise<Verification> {
  const before = options.state === undefined ? null : await readAuditState(options.state);
  const demand = witnessDemand(options.witness, options.quorum);
  const opened = await openPlace(io, place, options, before);
  const { reader, readWitnessed, keyFrom, audience } = opened;
  const chain = await readKeyChain(opened, before);
  const key = chain.keys.at(-1) ?? opened.key;
  const cases = options.cases && openCaseReader(await folderAt(options.cases.folder), options.cases.opens);
  // Before the checkpoint, which is then at least as long.
  const note = demand.quorum === 0 ? null : openWitnessed(await readWitnessed(), chain.keys, demand);
  const timestamps = await readTimestamps(reader, chain.keys, options.timestampCa, io.now());
  const regimes = loadRegimes(options.regimes);
  const lists =
    options.revocationLists === undefined
      ? undefined
      : createListChecker(await folderAt(options.revocationLists));
  const replay = new Replay(cases && createCaseChecker(cases, regimes), regimes, lists);
  const log = await verifyLog(reader, {
    verifiers: [key, ...demand.witnesses],
    earlier: [
      ...(before?.seen ?? []),
      ...chain.rotations.map(({ checkpoint }) => checkpoint),
      ...timestamps.checkpoints,
      ...(note === null ? [] : [note.checkpoint]),
    ],
    onEntries: (leaves, first) => replay.take(leaves, first),
    ...(io.stderr.isTTY ? { onProgress: progress(io) } : {}),
  });
  const replayed = replay.report();
  const witnessed = demand.quorum === 0 ? null : judgeWitnesses(log, note, demand, io.now());
  const problems = [
    ...log.problems,
    ...(log.checkpoint !== null && demand.quorum > 0 && witnessed === null ? [tooFew(demand)] : []),
    ...timestamps.problems,
    ...keyProblems(chain, replay.state),
    ...replayed.problems,
  ];
  if (options.state !== undefined && problems.length === 0 && log.checkpoint !== null) {
    await addCheckpoint(options.state, before, keysToKeep(before, chain), {
      ...log.checkpoint,
      seenAt: utc(io.now()),
    });
  }
  return {
    problems,
    log,
    witnessed,
    replay: replayed,
    key,
    keyRotations: chain.rotations,
    keyFrom,
    audience: { inLedger: replay.state.configuration?.audience ?? null, expected: audience },
    state: options.state === undefined ? null : { file: options.state, earlier: before?.seen.length ?? 0 },
    timestamps,
    casesGiven: cases !== undefined,
    contradicts: contradictedNote(log, [
      before?.seen.at(-1),
      note?.checkpoint,
      chain.rotations.at(-1)?.checkpoint,
      timestamps.checkpoints.at(-1),
    ]),
  };
}

function tooFew({ witnesses, quorum }: WitnessDemand): VerifyProblem {
  const names = witnesses.map(({ name }) => name).join(', ');
  const sentence = `Neither the checkpoint nor the one kept for witnesses is cosigned by ${quorum} of ${names}.`;
  return { code: 'witness.missing', sentence };
}

const isFork = ({ problems }: LogReport): boolean =>
  problems.some(({ code }) => code === 'log.forked' || code === 'log.shrunk');

function contradictedNote(log: LogReport, earlier: readonly (SignedCheckpoint | undefined)[]): string | null {
  return isFork(log) ? (earlier.find((each) => each !== undefined)?.note ?? null) : null;
}

/** Those that were kept, and those that they led to: the state's last key is where the chain began. */
function keysToKeep(before: AuditState | null, { keys }: KeyChain): readonly NoteVerifier[] {
  return before === null ? keys : [...before.keys.slice(0, -1), ...keys];
}

/** Shows how far it is, on one line, at most ten times a second. */
function progress(io: CliIo): (entries: number, size: number) => void {
  let shownAt = 0;
  return (entries, size) => {
    const isLast = entries === size;
    if (!isLast && io.now() - shownAt < 100) return;
    shownAt = io.now();
    void write(io.stderr, `\r${entries} of ${size} entries${isLast ? '\n' : ''}`).catch(() => {});
  };
}
