// How time and memory grow: with the length of a trace, with the size of a model, with the hours of a capture, with the runs of a
// dataset.
//
//   npm run bench:scale -- [--quick] [--part length|model|day|dataset] [--most N] [--most-stored N] [--json FILE]
//
// Full: traces of up to 10^9 events (to 10^8 with the store, or --most-stored), models of up to 70,000 regions, a day, a dataset of 1,000 runs and 10^9
// events; ten minutes and up to 6 GB of $TMPDIR at a time. --quick: under a minute. --part: one of them; FILE keeps the others as
// they are. Needs the build (npm run build). The traces come through a pipe and are never on the disk.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../programs.js';
import type { Shapes } from '../results.js';
import { datasets } from './datasets.js';
import { day } from './day.js';
import { byLength } from './length.js';
import { byModelSize } from './model-size.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    part: { type: 'string' },
    most: { type: 'string' },
    'most-stored': { type: 'string' },
    json: { type: 'string' },
  },
});
const quick = flags.quick;
const most = Number(flags.most ?? (quick ? 1e6 : 1e9));
const mostStored = Number(flags['most-stored'] ?? (quick ? 1e6 : 1e8));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-scale-'));

const parts = {
  length: () => byLength(folder, most, mostStored),
  model: () => byModelSize(folder, quick ? 100_000 : 1_000_000, quick ? 3 : undefined),
  day: () => day(folder, quick ? 1 : 24),
  dataset: () => (quick ? datasets(folder, 20, 100_000, 1) : datasets(folder, 1_000, 1_000_000, 3)),
};

const kept = flags.part !== undefined && flags.json !== undefined && existsSync(flags.json);
const result: Shapes['scale'] = kept ? JSON.parse(readFileSync(flags.json as string, 'utf8')) : {};

/** What a part found, and how long it took. */
async function timed<T>(
  name: string,
  part: () => T | Promise<T>,
): Promise<{ seconds: number; found: T } | null> {
  if (flags.part !== undefined && flags.part !== name) return null;
  console.log(`\n${name}`);
  const began = performance.now();
  const found = await part();
  return { seconds: Math.round((performance.now() - began) / 1000), found };
}

try {
  build('generate_trace', 'measure', 'day_bench');
  const made = {
    length: await timed('length', parts.length),
    model: await timed('model', parts.model),
    day: await timed('day', parts.day),
    dataset: await timed('dataset', parts.dataset),
  };
  for (const [name, part] of Object.entries(made)) if (part) Object.assign(result, { [name]: part });
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
