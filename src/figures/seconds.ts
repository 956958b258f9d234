/** Buckets of a timeline added up to whole seconds; the last one may be a part. */
export function perSecond(values: readonly number[], bucketNs: number): number[] {
  const seconds: number[] = [];
  values.forEach((value, i) => {
    const second = Math.floor((i * bucketNs) / 1e9);
    while (seconds.length <= second) seconds.push(0);
    seconds[second] = (seconds[second] as number) + value;
  });
  return seconds;
}

/** The most that any second had, wherever it began, by buckets of at most a second. */
export function fullestSecond(values: readonly number[], bucketNs: number): number {
  const buckets = Math.max(1, Math.round(1e9 / bucketNs));
  const seconds = (buckets * bucketNs) / 1e9;
  let window = 0;
  let fullest = 0;
  values.forEach((value, i) => {
    window += value - (values[i - buckets] ?? 0);
    fullest = Math.max(fullest, window / seconds);
  });
  return fullest;
}
