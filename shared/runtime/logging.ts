import { pino } from 'pino';

/**
 * Members that a log line may have. Everything else is dropped, so that a caller who passes a record, a
 * request or an error by mistake logs nothing of it: personal data stay out by construction.
 */
const allowedMembers = [
  'service',
  'code',
  'reason',
  'source',
  'count',
  'bytes',
  'durationMs',
  'attempt',
  'delayMs',
  'port',
  'signal',
  'version',
  'orderId',
  'disclosureId',
  'entryIndex',
  'method',
  'route',
  'status',
] as const;
export type LogMembers = Partial<Record<(typeof allowedMembers)[number], string | number | boolean>>;

/** What is logged: this level and those after it. */
export const logLevels = ['info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured log. `message` is a literal of the code, never text from outside. */
export interface Logger {
  info(members: LogMembers, message: string): void;
  warn(members: LogMembers, message: string): void;
  error(members: LogMembers, message: string): void;
}

/** @param write takes one JSON line with its newline; standard error by default in `main.ts` files. */
export function createLogger(
  service: string,
  write: (line: string) => void,
  level: LogLevel = 'info',
): Logger {
  const sink = pino({ level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime }, { write });
  const pick = (members: LogMembers): LogMembers => {
    const picked: LogMembers = {};
    for (const name of allowedMembers) {
      const value = members[name];
      if (['string', 'number', 'boolean'].includes(typeof value) && value !== undefined) picked[name] = value;
    }
    return picked;
  };
  return {
    info: (members, message) => sink.info(pick(members), message),
    warn: (members, message) => sink.warn(pick(members), message),
    error: (members, message) => sink.error(pick(members), message),
  };
}

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
