import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { desiredTopics, type KafkaConfig, reconcileTopics, topicSizingSchema } from '#shared/bus';
import type { Logger } from '#shared/runtime';
import { dayOf, type Partitions } from '#shared/store';
import { type Left, type Place, place } from './place.ts';

/** Most names that are looked at in one folder: more would be a fault of its own. */
const maxNames = 200_000;
const dayMs = 86_400_000;

/** Temporary files are of seconds or minutes; one a day old was left by a process that died. */
const temporaryMs = dayMs;

/** Longest time that a topic may keep records, by the bounds of `griffie topics`. */
const longestTopicMs = 30 * dayMs;

/** Logs of the engine that would keep statements or values: none of them may have a row. */
export function engineLogs(partitions: Partitions): Place {
  return place('engine_logs', async () => {
    const names = await partitions.logsWithRows();
    return names.length === 0 ? null : { items: names.length };
  });
}

/** Files of a folder, and of those in it, that were last written longer ago than they may be. */
export function oldFiles(
  name: string,
  folder: string,
  options: { readonly olderThanMs: number; readonly matches?: (name: string) => boolean },
): Place {
  const { olderThanMs, matches = () => true } = options;
  return place(name, async (now) => {
    const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    });
    if (names.length > maxNames) throw Object.assign(new Error('too many files'), { code: 'files.too_many' });
    const times: number[] = [];
    for (const found of names.filter(matches)) {
      const status = await stat(join(folder, found)).catch(() => null);
      if (status?.isFile() && status.size > 0 && status.mtimeMs < now - olderThanMs)
        times.push(status.mtimeMs);
    }
    return leftOf(times);
  });
}

/** Temporary files under a folder that nobody took away. */
export function temporaryFiles(folder: string): Place {
  const matches = (name: string): boolean =>
    /(^|\/)(tmp_|delete_tmp_)[^/]*\/|\.(tmp|staged)(\/|$)/.test(name);
  return oldFiles('temporary', folder, { olderThanMs: temporaryMs, matches });
}

function leftOf(times: readonly number[]): Left | null {
  if (times.length === 0) return null;
  return { items: times.length, oldest: dayOf(Math.min(...times)) };
}

/**
 * Our topics: each deletes by the broker's clock, and soon. What they keep is not looked at, because its
 * end follows from these settings.
 */
export function kafkaTopics(config: KafkaConfig, logger: Logger): Place {
  return place('kafka_topics', async () => {
    const desired = desiredTopics(config, topicSizingSchema.parse({})).filter(
      ({ settings }) => settings['retention.ms'] !== '-1',
    );
    const { changes } = await reconcileTopics(config, desired, { apply: false, logger });
    const wrong = changes.filter(
      (change) => change.kind === 'setting' && !isShortEnough(change.name, change.from),
    );
    return wrong.length === 0 ? null : { items: wrong.length };
  });
}

/** Whether a topic's setting that differs from ours lets records go all the same. */
function isShortEnough(name: string, value: string | null): boolean {
  switch (name) {
    case 'retention.ms':
    case 'segment.ms': {
      const milliseconds = Number(value ?? Number.NaN);
      return milliseconds >= 0 && milliseconds <= longestTopicMs;
    }
    case 'cleanup.policy':
    case 'message.timestamp.type':
      return false;
    default:
      return true;
  }
}
