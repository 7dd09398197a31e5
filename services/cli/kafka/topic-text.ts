import { furtherTopics, type TopicChange, type TopicConflict, type TopicPlan } from '#shared/bus';
import { pairs } from '../output.ts';

/** What a change does besides, for a person to weigh before it is applied. */
export interface TopicWarning {
  readonly topic: string;
  readonly kind: 'order' | 'open_messages' | 'waiting_records';
  readonly sentence: string;
}

/**
 * Growing partitions moves keys: what has one key may lie in two partitions then, and order holds within one
 * alone. Shortening a retention removes what nobody has read yet.
 */
export function warningsOf({ changes }: Pick<TopicPlan, 'changes'>): TopicWarning[] {
  return changes.flatMap((change): TopicWarning[] => {
    const { topic } = change;
    if (change.kind === 'partitions') return [growthWarning(topic)];
    const { kind } = change;
    if (kind === 'setting' && change.name === 'retention.ms' && isShorter(change.from, change.to)) {
      const sentence = `records that were not read within ${duration(change.to)} are removed: let the consumers catch up first`;
      return [{ topic, kind: 'waiting_records', sentence }];
    }
    return [];
  });
}

function growthWarning(topic: string): TopicWarning {
  return topic.endsWith(furtherTopics.raw)
    ? {
        topic,
        kind: 'open_messages',
        sentence:
          'lines of a host may go to another partition, so that messages open at that time become two partial events: stop the senders and let the collectors read everything first, and name the new partitions in their sources after it',
      }
    : {
        topic,
        kind: 'order',
        sentence:
          'keys may go to another partition: until what is there has been read, events of one message may be stored out of order, which changes nothing of what is found',
      };
}

/** -1 is without end. What was the cluster's default is not known here. */
function isShorter(from: string | null, to: string): boolean {
  if (from === null || Number(to) < 0) return false;
  return Number(from) < 0 || Number(to) < Number(from);
}

/** The differences as a person reads them: `+` is new, `~` is changed, `!` needs the person. */
export function planLines(plan: TopicPlan): string[] {
  return [
    ...plan.changes.flatMap(changeLines),
    ...plan.conflicts.map(conflictLine),
    ...warningsOf(plan).map(({ topic, sentence }) => `  note, ${topic}: ${sentence}`),
  ];
}

function changeLines(change: TopicChange): string[] {
  switch (change.kind) {
    case 'create': {
      const { partitions, replicationFactor, settings } = change.to;
      const shown = Object.entries(settings).map(([name, value]) => [name, readable(name, value)]);
      return [
        `+ ${change.topic}`,
        ...pairs({ partitions, copies: replicationFactor, ...Object.fromEntries(shown) }).map(indented),
      ];
    }
    case 'partitions':
      return [`~ ${change.topic}: partitions ${change.from} → ${change.to}`];
    case 'setting': {
      const { topic, name, from, to } = change;
      const was = from === null ? "the cluster's default" : readable(name, from);
      return [`~ ${topic}: ${name} ${was} → ${readable(name, to)}`];
    }
  }
}

function conflictLine({ topic, kind, from, to }: TopicConflict): string {
  return kind === 'fewer_partitions'
    ? `! ${topic}: partitions are ${from} and should be ${to}. Kafka takes none away: ask for ${from} or more (KAFKA_PARTITIONS)`
    : `! ${topic}: copies are ${from} and should be ${to}. Move them with kafka-reassign-partitions.sh, or ask for ${from} (KAFKA_REPLICATION_FACTOR)`;
}

const indented = (line: string): string => `    ${line}`;

/** Milliseconds and bytes of a setting with what they come to. */
function readable(name: string, value: string): string {
  return name.endsWith('.ms') ? `${value} (${duration(value)})` : value;
}

function duration(milliseconds: string): string {
  const value = Number(milliseconds);
  if (value < 0) return 'without end';
  const [unit, length] =
    value % 86_400_000 === 0
      ? ['day', 86_400_000]
      : value % 3_600_000 === 0
        ? ['hour', 3_600_000]
        : ['second', 1000];
  const count = value / Number(length);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
