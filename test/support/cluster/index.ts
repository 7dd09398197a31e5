export { startCluster, type TestCluster } from './cluster.ts';
export {
  type ExpectedMessage,
  eventsOf,
  FaultLog,
  firstMessages,
  linesOf,
  messageOf,
  numberOf,
} from './fault-log.ts';
export { expectEachOnce, type Findings, untilFound } from './findings.ts';
export { seededRandom } from './random.ts';
