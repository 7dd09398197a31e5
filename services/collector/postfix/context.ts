import type { LineResult, LogRecord } from '../adapter.ts';
import type { ConnectionStore } from './connection-store.ts';
import type { Life } from './life.ts';
import type { LifeStore } from './life-store.ts';
import type { Program } from './program.ts';
import { lifeKey } from './scope.ts';

/** What the reading of one line works with. */
export interface Context {
  readonly record: LogRecord;
  readonly program: Program;
  readonly message: string;
  /** Log time in whole seconds. */
  readonly second: number;
  readonly lives: LifeStore;
  readonly connections: ConnectionStore;
  /** See `scope.ts`. */
  readonly scope: string;
  /** All scopes that lives were seen under, this one included. */
  readonly scopes: ReadonlySet<string>;
}

export const ignored: LineResult = { kind: 'ignored' };
/** Understood, and no event. */
export const quiet: LineResult = { kind: 'understood', events: [] };

export function notUnderstood(reason: `postfix.${string}` | 'line.truncated' | 'line.too_long'): LineResult {
  return { kind: 'notUnderstood', reason };
}

export function connectionKey(context: Context): string | undefined {
  const { pid, host } = context.record;
  return pid === undefined ? undefined : `t${pid} ${host}`;
}

export function findLife(context: Context, queueId: string, maxIdleSeconds?: number): Life | undefined {
  return context.lives.find(lifeKey(queueId, context.scope), queueId, context.second, maxIdleSeconds);
}

export function beginLife(context: Context, queueId: string): Life {
  return context.lives.begin(lifeKey(queueId, context.scope), queueId, context.second);
}
