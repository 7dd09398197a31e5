import type { TopicSettings } from './topics.ts';

/** A topic as the cluster has it; `settings` are those that were set on the topic itself. */
export type ActualTopic = TopicSettings;

/** One difference between a topic as it should be and as it is. */
export type TopicChange =
  | { readonly kind: 'create'; readonly topic: string; readonly to: TopicSettings }
  | { readonly kind: 'partitions'; readonly topic: string; readonly from: number; readonly to: number }
  | {
      readonly kind: 'setting';
      readonly topic: string;
      readonly name: string;
      /** `null` where it was the cluster's default. */
      readonly from: string | null;
      readonly to: string;
    };

/** A difference that no setting mends: it needs the operator's own plan. */
export interface TopicConflict {
  readonly topic: string;
  /** Kafka takes no partition away; copies move by a reassignment. */
  readonly kind: 'fewer_partitions' | 'replication';
  readonly from: number;
  readonly to: number;
}

export interface TopicPlan {
  readonly changes: readonly TopicChange[];
  readonly conflicts: readonly TopicConflict[];
}

/** What makes the topics as they should be. Settings that we do not name are the operator's and stay. */
export function planTopics(
  desired: readonly TopicSettings[],
  actual: ReadonlyMap<string, ActualTopic>,
): TopicPlan {
  const changes: TopicChange[] = [];
  const conflicts: TopicConflict[] = [];
  for (const to of desired) {
    const topic = to.name;
    const from = actual.get(topic);
    if (from === undefined) {
      changes.push({ kind: 'create', topic, to });
      continue;
    }
    if (from.partitions > to.partitions) {
      conflicts.push({ topic, kind: 'fewer_partitions', from: from.partitions, to: to.partitions });
    } else if (from.partitions < to.partitions) {
      changes.push({ kind: 'partitions', topic, from: from.partitions, to: to.partitions });
    }
    if (from.replicationFactor !== to.replicationFactor) {
      conflicts.push({
        topic,
        kind: 'replication',
        from: from.replicationFactor,
        to: to.replicationFactor,
      });
    }
    for (const [name, value] of Object.entries(to.settings)) {
      const was = from.settings[name] ?? null;
      if (was !== value) changes.push({ kind: 'setting', topic, name, from: was, to: value });
    }
  }
  return { changes, conflicts };
}
