import type { LineResult } from '../adapter.ts';
import { type Context, findLife, notUnderstood, quiet } from './context.ts';
import { rejectedEvent } from './events.ts';
import { parseContentReject, parsePostscreenReject, parseReject } from './reject-line.ts';

/** Actions after which the message or the recipient did not go on. */
const refusals: ReadonlySet<string> = new Set([
  'reject',
  'discard',
  'milter-reject',
  'milter-discard',
  'proxy-reject',
  'milter-header-reject',
  'milter-header-discard',
  'milter-body-reject',
  'milter-body-discard',
]);

/** Actions after which it went on: warnings, holds, detours and changes. Their lines may quote content. */
const passes: ReadonlySet<string> = new Set([
  'bcc',
  'delay',
  'filter',
  'hold',
  'info',
  'milter-hold',
  'permit',
  'prepend',
  'proxy-accept',
  'redirect',
  'reject_warning',
  'replace',
  'strip',
  'trace',
  'warn',
  'warning',
]);

/** What header and body checks found, and then quote. */
const contentClass = /^(?:header|body|content|mime-error) /;

/**
 * `<action>: …` behind a queue id or `NOQUEUE`.
 * @returns undefined where the line is no action.
 */
export function actionLine(
  context: Context,
  queueId: string | undefined,
  start: number,
): LineResult | undefined {
  const { message, record, program } = context;
  const colon = message.indexOf(': ', start);
  if (colon === -1) return undefined;
  const action = message.slice(start, colon);
  if (!refusals.has(action)) return passes.has(action) || action.startsWith('milter-') ? quiet : undefined;

  const at = colon + 2;
  const quotes = action.startsWith('milter-header') || action.startsWith('milter-body');
  const isContent = program.daemon === 'cleanup' && (quotes || contentClass.test(message.slice(at, at + 16)));
  const line = isContent
    ? parseContentReject(message)
    : program.daemon === 'postscreen'
      ? parsePostscreenReject(message, at)
      : parseReject(message, at);
  if (line === null) return notUnderstood('postfix.reject');
  const life = queueId === undefined ? undefined : findLife(context, queueId);
  const event = rejectedEvent(record, program, life, line, action);
  if (queueId !== undefined) event.queueId = queueId;
  // cleanup(8) refuses the whole message: the queue manager will never see it.
  if (life !== undefined && program.daemon === 'cleanup') context.lives.end(life);
  return { kind: 'understood', events: [event] };
}
