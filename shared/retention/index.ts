export { ClockGuard, type ClockReading, type ClockTrouble, type ClockVerdict, clockBounds } from './clock.ts';
export { type PictureDay, pictureLines, pictureSvg, type RetentionPicture } from './picture.ts';
export { planRun, type RunPlan } from './plan.ts';
export {
  type HoldScope,
  type HoldTask,
  holdTaskSchema,
  type RetentionRecord,
  type RetentionView,
} from './record.ts';
