import { randomBytes } from 'node:crypto';
import type { PartitionAssigner } from 'kafkajs';

type AssignerProtocol = typeof import('kafkajs')['AssignerProtocol'];

/**
 * Gives the partitions that were asked for to one member of the group, and to nobody else: to the member that
 * leads it, which is the one that came first. Another one gets none, and can see by that that the
 * group's work is being done. Kafka itself sees to it that there is one leader at a time.
 *
 * @param partitions those to give; all that the topic has where absent, also those that come later
 */
export function soleAssigner(
  { MemberMetadata, MemberAssignment }: AssignerProtocol,
  partitions: readonly number[] | undefined,
): PartitionAssigner {
  // Assigning members know each other by ids that the broker gave; this is how one recognises itself.
  const self = randomBytes(16);
  const name = 'griffie-sole';
  const version = 0;
  return ({ cluster }) => ({
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: MemberMetadata.encode({ version, topics, userData: self }),
    }),
    async assign({ members, topics }) {
      const assignment = Object.fromEntries(
        topics.map((topic) => {
          const there = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
          return [topic, there.filter((id) => partitions === undefined || partitions.includes(id))];
        }),
      );
      return members.map(({ memberId, memberMetadata }) => {
        const isSelf = MemberMetadata.decode(memberMetadata)?.userData.equals(self) === true;
        return {
          memberId,
          memberAssignment: MemberAssignment.encode({
            version,
            assignment: isSelf ? assignment : {},
            userData: Buffer.alloc(0),
          }),
        };
      });
    },
  });
}
