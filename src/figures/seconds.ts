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
