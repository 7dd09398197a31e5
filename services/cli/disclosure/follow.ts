import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api-client.ts';
import { CliError, exitCodes, refused } from '../errors.ts';
import { parseJson } from '../http-answer.ts';
import { type CliIo, write } from '../io.ts';
import {
  type DisclosureProgress,
  type DisclosureView,
  disclosureProgress,
  disclosureView,
} from '../views.ts';

/** Before following is asked for again: each time is an entry in the ledger. */
const pauseMs = 5_000;
/** No line of progress is as long. */
const maxLineBytes = 4_096;

/** Shows one more state of progress. */
export type ShowProgress = (progress: DisclosureProgress) => Promise<void>;

/**
 * Waits until a disclosure's package can be fetched. The service answers one request for as long as it takes,
 * up to some minutes; then it is asked again.
 * @throws CliError where there will be no package
 */
export async function followDisclosure(
  client: ApiClient,
  disclosureId: string,
  show: ShowProgress,
): Promise<DisclosureView> {
  for (;;) {
    const last = await followOnce(client, disclosureId, show);
    if (last?.status === 'Error') {
      const message = `disclosure ${disclosureId} failed; ask the operator to look at the log, then request it again`;
      throw refused('disclosure.failed', message);
    }
    if (last?.status === 'Cancelled') {
      throw refused('disclosure.cancelled', `disclosure ${disclosureId} was cancelled; nothing was released`);
    }
    if (last?.ready) return client.get(`/v1/disclosures/${disclosureId}`, disclosureView);
    await sleep(pauseMs);
  }
}

/** The last line of one answer; undefined where none came. */
async function followOnce(
  client: ApiClient,
  disclosureId: string,
  show: ShowProgress,
): Promise<DisclosureProgress | undefined> {
  let last: DisclosureProgress | undefined;
  let rest = '';
  const take = async (chunk: Uint8Array): Promise<void> => {
    const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n');
    rest = (lines.pop() ?? '').slice(0, maxLineBytes);
    for (const line of lines) {
      const progress = disclosureProgress.safeParse(parseJson(Buffer.from(line))).data;
      if (progress === undefined) continue;
      last = progress;
      await show(progress);
    }
  };
  try {
    await client.download(`/v1/disclosures/${disclosureId}/progress`, take);
  } catch (error) {
    // An answer that broke off, as by a restart of the service, is asked for again.
    const brokeOff = error instanceof CliError && error.exitCode === exitCodes.unavailable;
    if (!brokeOff || last === undefined) throw error;
  }
  return last;
}

/** Records and bytes as they grow: one line that is written over on a terminal, else a line for each change. */
export function progressOn({ stderr }: CliIo): ShowProgress {
  let shown = '';
  return async ({ status, ready, records, bytes }) => {
    const counts = records === undefined ? '' : `, ${records} records, ${megabytes(bytes ?? 0)} MB`;
    const text = `${status}${counts}`;
    if (text === shown && !ready) return;
    shown = text;
    await write(stderr, stderr.isTTY ? `\r\u001b[K${text}${ready ? '\n' : ''}` : `${text}\n`);
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** For those who only wait. */
export const noProgress: ShowProgress = async () => {};
