import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CaseKeys } from '../audit/case-files.ts';
import { addFourEyes } from '../audit/four-eyes-command.ts';
import { addReadCommands } from '../audit/read-commands.ts';
import { isComplete, reportLines, resultOf } from '../audit/report.ts';
import { verifyLedger } from '../audit/verify.ts';
import { CliError, exitCodes, refused, unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { collect, example, jsonOption } from '../options.ts';
import { printResult } from '../output.ts';
import { readMasterKey } from './case.ts';
import { readIdentities } from './package.ts';

interface VerifyArguments {
  readonly as?: string;
  readonly keys?: string;
  readonly key?: string;
  readonly state?: string;
  readonly witness: readonly string[];
  readonly quorum?: number;
  readonly timestampCa?: string;
  readonly cases?: string;
  readonly caseIdentity?: string;
  readonly caseMaster?: string;
  readonly revocationLists?: string;
  readonly regimes?: string;
  readonly json?: boolean;
}

/** `griffie audit …`: the ledger for those who check it and need believe nobody. */
export function addAuditCommands(program: Command, io: CliIo): void {
  const audit = program.command('audit').description('verify and read the ledger');
  addVerify(audit, io);
  addReadCommands(audit, io);
  addFourEyes(audit, io);
}

function addVerify(audit: Command, io: CliIo): void {
  audit
    .command('verify')
    .argument('<url|folder>', 'URL of the service, or a copy of its ledger folder')
    .description('recompute the tree, make every decision again, compare with what was seen before')
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .addOption(new Option('--keys <file>', 'pinned keys of the service').conflicts('key'))
    .option('--key <vkey>', "the ledger's verifier key, instead of --keys")
    .option('--state <file>', 'keep every checkpoint seen, and demand that the ledger extends them all')
    .option('--witness <vkey>', 'demand the cosignature of this witness (can be repeated)', collect, [])
    .option('--quorum <n>', 'so many of the witnesses are enough (default: all)', quorumArgument)
    .option('--timestamp-ca <file>', 'demand time stamps that lead to these certificates (PEM)')
    .option('--cases <folder>', 'also open the case files in this copy of the case folder')
    .option('--case-identity <file>', 'the keys of the cases in it, as griffie case key writes them')
    .addOption(
      new Option('--case-master <file>', 'the master key of all cases, instead').conflicts('caseIdentity'),
    )
    .option('--revocation-lists <folder>', 'also look into the revocation lists in this copy of their folder')
    .option('--regimes <folder>', 'data files of more legal regimes than those that are shipped')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${example(
        'audit verify https://griffie.example.nl --as auditor.json --keys griffie-keys.json --state griffie.seen',
        'audit verify ./ledger-copy --keys griffie-keys.json',
      )}\n\nExit code: 0 verified, 1 not verified, 4 verified, but something could not be checked that can be as a rule.`,
    )
    .action(async (place: string, options: VerifyArguments) => {
      const { json, cases, caseIdentity, caseMaster, ...rest } = options;
      const opens = await caseKeys(caseIdentity, caseMaster);
      if ((cases === undefined) !== (opens === undefined)) {
        throw unusable('usage', 'give --cases together with --case-identity or --case-master');
      }
      const found = await verifyLedger(io, place, {
        ...rest,
        ...(cases !== undefined && opens !== undefined ? { cases: { folder: cases, opens } } : {}),
      });
      await printResult(io, json, resultOf(found), reportLines(found));
      if (found.problems.length > 0) {
        throw refused(
          'audit.not_verified',
          `the ledger at ${place} is not what was signed or seen, or was not written by the rules; keep a copy and report this`,
          found.problems.map(({ code, sentence }) => ({ path: '', sentence, rule: code })),
        );
      }
      if (!isComplete(found)) {
        throw new CliError(
          exitCodes.incomplete,
          'audit.incomplete',
          'the ledger is verified, but something could not be checked that can be as a rule; look at the entries named in the report',
        );
      }
    });
}

async function caseKeys(
  identity: string | undefined,
  master: string | undefined,
): Promise<CaseKeys | undefined> {
  if (master !== undefined) return { master: await readMasterKey(master) };
  return identity === undefined ? undefined : { keys: await readIdentities(identity) };
}

function quorumArgument(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError('Give a number from 1.');
  return Number(text);
}
