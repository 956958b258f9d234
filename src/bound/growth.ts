import type { Sample } from '../sample/sample.js';

/** How much a counter grew between two times, the samples around each joined by a straight line. */
export function growthOver(
  samples: readonly Sample[],
  metric: string,
  fromNs: bigint,
  toNs: bigint,
): number | null {
  const own = samples.filter((sample) => sample.metric === metric);
  if (own.length < 2) return null;
  return valueAt(own, toNs) - valueAt(own, fromNs);
}

function valueAt(samples: readonly Sample[], time: bigint): number {
  const after = samples.findIndex((sample) => sample.time >= time);
  if (after === -1) return (samples.at(-1) as Sample).value;
  const next = samples[after] as Sample;
  const before = samples[after - 1];
  if (!before) return next.value;
  const share = Number(time - before.time) / Number(next.time - before.time);
  return before.value + share * (next.value - before.value);
}
