export {
  type BatchBounds,
  type Bus,
  type BusBatch,
  type BusConsumer,
  type BusPublisher,
  type BusRecord,
  type OutgoingRecord,
  type Topic,
  topics,
} from './bus.ts';
export { createEmbeddedBus } from './embedded/bus.ts';
export { BusError, type BusErrorCode } from './errors.ts';
