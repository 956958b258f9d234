// What tracing costs the traced workload, blkscope beside blktrace: same guest, device, load and buffers, interleaved.
//   npm run bench:capture [-- ROUNDS [SECONDS]]      a table on stderr, JSON as stdout's last line; medians over the rounds
import { readFileSync } from 'node:fs';
import { bootGuest } from '../../tests/vm/guest.js';

interface Measurement {
  variant: string;
  iops: number;
  events?: number;
  dropped?: number;
  cpuNsPerEvent?: number;
  analysisNsPerEvent?: number | null;
  ramBytes?: number;
}

const [rounds = 5, seconds = 2] = process.argv.slice(2).map(Number);

await using guest = await bootGuest({
  kernel: '7.3',
  memoryMiB: 3072,
  modules: ['null_blk nr_devices=1 gb=1 queue_mode=2'],
});
const measurements: Measurement[] = JSON.parse(
  await guest.output(`node --input-type=module - ${rounds} ${seconds}`, {
    input: readFileSync(new URL('in-guest.mjs', import.meta.url)),
    timeoutMs: rounds * (seconds + 5) * 9000,
  }),
);

const figures = ['iops', 'events', 'dropped', 'cpuNsPerEvent', 'analysisNsPerEvent', 'ramBytes'] as const;
const variants = [...new Set(measurements.map(({ variant }) => variant))].map((variant) => {
  const own = measurements.filter((each) => each.variant === variant);
  const medians = figures.map((figure) => [figure, median(own.map((each) => each[figure]))]);
  return { variant, ...Object.fromEntries(medians) } as { variant: string } & Record<
    (typeof figures)[number],
    number | null
  >;
});

function median(values: (number | null | undefined)[]): number | null {
  const numbers = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  return numbers.length === 0 ? null : (numbers[numbers.length >> 1] as number);
}

const untraced = variants.find(({ variant }) => variant === 'untraced')?.iops ?? Number.NaN;
const table = variants.map(
  ({ variant, iops, events, dropped, cpuNsPerEvent, analysisNsPerEvent, ramBytes }) => [
    variant,
    `${Math.round(iops ?? 0)}`,
    `${(100 - (100 * (iops ?? 0)) / untraced).toFixed(1)} %`,
    `${events ?? '-'}`,
    `${dropped ?? '-'}`,
    cpuNsPerEvent === null ? '-' : cpuNsPerEvent.toFixed(0),
    analysisNsPerEvent === null ? '-' : analysisNsPerEvent.toFixed(0),
    ramBytes === null ? '-' : (ramBytes / 2 ** 20).toFixed(1),
  ],
);
const head = [
  '',
  'reads/s',
  'lost by it',
  'events',
  'dropped',
  'capture ns/event',
  'analysis ns/event',
  'RAM MiB',
];
for (const row of [head, ...table]) {
  console.error(row.map((cell, i) => (i === 0 ? cell.padEnd(38) : cell.padStart(18))).join(''));
}
console.log(JSON.stringify({ kernel: guest.release, rounds, seconds, variants, measurements }));
