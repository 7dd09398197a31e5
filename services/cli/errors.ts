/** Exit codes, the same for every command. */
export const exitCodes = {
  done: 0,
  /** The service refused, or a verification failed. */
  refused: 1,
  /** Wrong use of the command, or an input file that cannot be used. */
  usage: 2,
  /** The service or the network cannot be reached, or answers that it is unavailable. */
  unavailable: 3,
  /** Verified, but something could not be checked that can be as a rule. */
  incomplete: 4,
  /** A plan found something to do: for scripts that check before they deploy. */
  differs: 4,
  /** A fault of Griffie's own (EX_SOFTWARE of sysexits). */
  internal: 70,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One thing that is wrong, where, and the rule that says so. */
export interface CliProblem {
  readonly path: string;
  readonly sentence: string;
  readonly kind?: string | undefined;
  readonly rule?: string | undefined;
  readonly source?: string | undefined;
}

/** An end that the user can do something about: the message is one sentence and says what. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly problems: readonly CliProblem[];

  constructor(exitCode: ExitCode, code: string, message: string, problems: readonly CliProblem[] = []) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
    this.problems = problems;
  }
}

/** Wrong use, or an input that cannot be used. */
export function unusable(code: string, message: string, problems: readonly CliProblem[] = []): CliError {
  return new CliError(exitCodes.usage, code, message, problems);
}

/** The service or the network is not there. */
export function unavailable(code: string, message: string): CliError {
  return new CliError(exitCodes.unavailable, code, message);
}

/** Refused, or not verified. */
export function refused(code: string, message: string, problems: readonly CliProblem[] = []): CliError {
  return new CliError(exitCodes.refused, code, message, problems);
}
