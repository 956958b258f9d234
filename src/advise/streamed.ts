import { walkOrder } from '../model/walk-order.js';
import { streamReadAheadKib, streamWindowBytes } from '../pin/stream-plan.js';
import type { Change, ChangedConditions, Foreseen } from './changes.js';
import { type AdvisedRun, pinBytes, titleOf, wholeMiB } from './subject.js';

/** How far what streamed runs read was off: pieces are read whole, and the workload itself reads what came too late. */
const bytesRange = { low: 0.95, high: 1.15 };
/** Of the time that compute and reads could share, what they were not seen to share, and at the worst. */
const notShared = { likely: 0.5, high: 1.5 };

/**
 * Pinning with the rest streamed, for a dense model that memory cannot hold: what is read is known to the byte, and the
 * disk reads while the token computes.
 */
export function streamed(subject: AdvisedRun): Change[] {
  const { model, measured, run } = subject;
  if (model.experts) return [];
  const pin = pinBytes(subject, streamReadAheadKib, measured.memoryBytes, streamWindowBytes(model));
  if (pin === null) return [];
  const held = wholeMiB(pin);
  const walked = walkOrder(model).reduce((sum, { bytes }) => sum + bytes, 0);
  const read = walked - held;
  // What fits but for a window needs no stream.
  if (read <= 2 * streamWindowBytes(model)) return [];
  const conditions: ChangedConditions = { readAheadKib: streamReadAheadKib, pinBytes: held, stream: true };
  const { bandwidth = 0 } = run.summary.bound ?? {};
  return [
    {
      title: titleOf(conditions),
      conditions,
      bytesPerToken: { low: read * bytesRange.low, likely: read, high: read * bytesRange.high },
      tokensPerSecond: speedOf(subject.speed.computeNs, (read / bandwidth) * 1e9),
      reason: 'the disk reads while the token computes, in large pieces; what was used is dropped first',
    },
  ];
}

/** From a token that does nothing while it waits for the disk to one that never waits for what can be read meanwhile. */
function speedOf(computeNs: number, readNs: number): Foreseen {
  const longer = Math.max(computeNs, readNs);
  const shorter = Math.min(computeNs, readNs);
  const speed = (share: number) => 1e9 / (longer + share * shorter);
  return { low: speed(notShared.high), likely: speed(notShared.likely), high: speed(0) };
}
