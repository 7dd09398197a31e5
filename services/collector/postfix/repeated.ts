import type { LineResult } from '../adapter.ts';
import { type Context, ignored } from './context.ts';

const pattern = /^message repeated (\d{1,4}) times: \[ (.*)\]$/s;

/**
 * rsyslog's `message repeated 3 times: [ …]` ($RepeatedMsgReduction): as many events as there were lines.
 * Lines with a queue id tell of something new each time and are not expected here.
 */
export function repeatedMessage(context: Context, read: (context: Context) => LineResult): LineResult {
  const [, times, message] = pattern.exec(context.message) ?? [];
  if (times === undefined || message === undefined || message.startsWith('message repeated ')) return ignored;
  const once = read({ ...context, message });
  if (once.kind !== 'understood') return once;
  return { kind: 'understood', events: Array.from({ length: Number(times) }, () => once.events).flat() };
}
