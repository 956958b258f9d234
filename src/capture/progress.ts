import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeCounters } from '../native/trace.js';

/** The counters since the start, and their rates since the last time they were told. */
export interface CaptureProgress extends NativeCounters {
  eventsPerSecond: number;
  readBytesPerSecond: number;
  writeBytesPerSecond: number;
}

/** Takes the counters every `intervalMs` until `over` aborts, and once more then. */
export async function* progressOf(
  counters: () => NativeCounters,
  intervalMs: number,
  over: AbortSignal,
): AsyncGenerator<CaptureProgress, void, undefined> {
  let last = { at: performance.now(), counters: counters() };
  for (let ended = over.aborted; ; ended = over.aborted) {
    if (!ended) await sleep(intervalMs, undefined, { signal: over }).catch(() => {});
    const now = { at: performance.now(), counters: counters() };
    yield withRates(last, now);
    if (ended) return;
    last = now;
  }
}

interface Sample {
  at: number;
  counters: NativeCounters;
}

function withRates(last: Sample, now: Sample): CaptureProgress {
  const seconds = Math.max(now.at - last.at, 1) / 1000;
  const rate = (key: 'events' | 'readBytes' | 'writeBytes') =>
    (now.counters[key] - last.counters[key]) / seconds;
  return {
    ...now.counters,
    eventsPerSecond: rate('events'),
    readBytesPerSecond: rate('readBytes'),
    writeBytesPerSecond: rate('writeBytes'),
  };
}
