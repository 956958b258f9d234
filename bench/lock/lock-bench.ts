// How fast memory is locked, beside how fast all cores write to fresh memory.
//   npm run bench:lock -- [--quick] [--mib N] [--rounds N] [--json FILE]
// Default: 2048 MiB, 5 rounds. --quick: 512 MiB, 3 rounds.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build, built, output } from '../programs.js';
import type { Shapes } from '../results.js';
import { spread } from '../spread.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    mib: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'string' },
  },
});
const mib = flags.mib ?? (flags.quick ? '512' : '2048');
const rounds = flags.rounds ?? (flags.quick ? '3' : '5');

build('lock_bench');
const found: { write: number; lock: number }[] = JSON.parse(output(built('lock/lock_bench'), [mib, rounds]));
const result: Shapes['lock'] = {
  mib: Number(mib),
  rounds: Number(rounds),
  writeBytesPerSecond: spread(found.map(({ write }) => write)),
  lockBytesPerSecond: spread(found.map(({ lock }) => lock)),
  times: spread(found.map(({ write, lock }) => lock / write)),
};
const { writeBytesPerSecond: write, lockBytesPerSecond: lock, times } = result;
const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB/s`;
console.log(
  `write ${gb(write.median)}, lock ${gb(lock.median)}: ${times.median.toFixed(2)} times (${times.least.toFixed(2)} to ${times.most.toFixed(2)})`,
);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
