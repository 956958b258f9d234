// What tracing costs the traced workload, blkscope beside blktrace: same guest, device, load and buffers, interleaved.
//   npm run bench:capture -- [--quick] [--rounds N] [--seconds N] [--only VARIANT;...] [--clock] [--json FILE]
// Default: 2 rounds of 2 s of load for each variant, in a guest of one processor whose time goes by the instructions that it
// carries out. --quick: of the variants those with usual buffers. --clock: by the clock instead, on two processors; the rounds
// then differ by a third on a machine that others use too, so take 5 of them or more.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bootGuest } from '../../tests/vm/guest.js';
import { captureFigures, type Shapes, type Variant } from '../results.js';
import { type Spread, spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    clock: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? 2);
const seconds = Number(flags.seconds);
const quickVariants =
  'untraced;blkscope;kernel alone, the same actions;blkscope --actions all;kernel alone, all actions;blktrace to tmpfs';
const only = flags.only ?? (flags.quick ? quickVariants : '');

type Figure = (typeof captureFigures)[number];
type Measurement = { variant: string } & Partial<Record<Figure, number | null>>;

await using guest = await bootGuest({
  ...{ kernel: '7.3', memoryMiB: 3072, counted: !flags.clock, cpus: flags.clock ? 2 : 1 },
  modules: ['null_blk nr_devices=2 gb=1 queue_mode=2'],
});
const printed = await guest.output(`node --input-type=module - '${only}' ${rounds} ${seconds}`, {
  input: readFileSync(new URL('in-guest.mjs', import.meta.url)),
  timeoutMs: rounds * (seconds + 5) * 20_000,
});
const variants = byVariant(JSON.parse(printed));

function byVariant(measurements: Measurement[]): Variant[] {
  return [...new Set(measurements.map(({ variant }) => variant))].map((variant): Variant => {
    const own = measurements.filter((each) => each.variant === variant);
    const of = (figure: Figure) => {
      const values = own.map((each) => each[figure]).filter((value) => typeof value === 'number');
      return values.length === 0 ? null : spread(values);
    };
    return {
      variant,
      ...Object.fromEntries(captureFigures.map((figure) => [figure, of(figure)])),
    } as Variant;
  });
}

const untraced = variants.find(({ variant }) => variant === 'untraced')?.iops?.median ?? Number.NaN;
const shown = (value: Spread | null, digits = 0, unit = 1) =>
  value === null ? '-' : (value.median / unit).toFixed(digits);
const rows = variants.map((v) => [
  v.variant,
  shown(v.iops),
  v.iops === null ? '-' : `${(100 - (100 * v.iops.median) / untraced).toFixed(1)} %`,
  ...[shown(v.events), shown(v.dropped), shown(v.cpuNsPerEvent), shown(v.analysisNsPerEvent)],
  shown(v.ramBytes, 1, 2 ** 20),
]);
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
for (const row of [head, ...rows]) {
  console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(38) : cell.padStart(18))).join(''));
}
const result: Shapes['capture'] = { kernel: guest.release, rounds, seconds, variants };
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
