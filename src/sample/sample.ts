/** One value of something that was watched while the workload ran; time in ns on CLOCK_MONOTONIC. */
export interface Sample {
  time: bigint;
  metric: string;
  value: number;
}
