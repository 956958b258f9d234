/** Buckets of a timeline added up to whole seconds; the last one may be a part. Of longer buckets each second has its part. */
export function perSecond(values: readonly number[], bucketNs: number): number[] {
  const seconds: number[] = [];
  const each = Math.max(1, Math.round(bucketNs / 1e9));
  values.forEach((value, i) => {
    const first = Math.floor((i * bucketNs) / 1e9);
    while (seconds.length < first + each) seconds.push(0);
    for (let second = first; second < first + each; second++)
      seconds[second] = (seconds[second] as number) + value / each;
  });
  return seconds;
}

/** The time that the fullest second is taken from, in words: of a trace of more than ten hours that is the mean of a longer time. */
export const fullestSpan = (bucketNs: number): string =>
  bucketNs <= 1e9 ? 'second' : `${Math.round(bucketNs / 1e9)} seconds`;

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
