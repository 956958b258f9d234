// All comparisons with other programs, one after the other, as one file of JSON that tells on which machine it was made.
//
//   npm run bench -- [--quick] [--only NAME,... [--part NAME]] [--json FILE]
//
// The full form takes about an hour, most of it for the guests, and writes bench/results.json, of which
// `npm run docs:bench` makes the tables of docs/performance.md. The quick form takes a few minutes, less the guests, and
// writes build/bench/quick.json. --only renews some benches and leaves the others in the file as they are, --part
// does so for a part of `scale`. A bench that
// fails is told and does not stop the others; the exit code is then 1. Needs blktrace's programs, CRoaring
// (libroaring-dev), for `page` chromium, for both of interference root and llama.cpp (scripts/get-llama.mjs), and for those in guests their kernel
// (scripts/get-guest-kernels.mjs) and qemu.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineConfig } from '../dist/machine/machine.js';
import { output, root } from './programs.js';
import type { Results, Shapes } from './results.js';

/** Each takes --quick and --json FILE. In this order: what takes long comes last. */
const benches: Record<keyof Shapes, string> = {
  start: 'start/start-bench.ts',
  package: 'package/package-bench.ts',
  lock: 'lock/lock-bench.ts',
  intervals: 'intervals/intervals-bench.ts',
  store: 'store/store-bench.mjs',
  analyse: 'analyse/analyse-bench.ts',
  page: 'page/page-bench.ts',
  scale: 'scale/scale-bench.ts',
  interference: 'interference/interference-bench.ts',
  interferenceInGuest: 'interference/guest-bench.ts',
  capture: 'capture/capture-bench.ts',
};

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    part: { type: 'string' },
    json: { type: 'string' },
  },
});
const file = flags.json ?? join(root, flags.quick ? 'build/bench/quick.json' : 'bench/results.json');
const inGuest = ['interferenceInGuest', 'capture'];
const names =
  flags.only?.split(',') ?? Object.keys(benches).filter((name) => !flags.quick || !inGuest.includes(name));
const isBench = (name: string): name is keyof Shapes => name in benches;

mkdirSync(join(root, 'build/bench'), { recursive: true });
mkdirSync(dirname(file), { recursive: true });
const results: Results = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};

for (const name of names) {
  if (!isBench(name)) throw new Error(`${name}: no such bench`);
  console.log(`== ${name}`);
  const made = join(root, `build/bench/${name}.json`);
  const began = performance.now();
  const args = ['--import', 'tsx', join(root, 'bench', `${benches[name]}`), '--json', made];
  const own = [...(flags.quick ? ['--quick'] : []), ...(flags.part ? ['--part', flags.part] : [])];
  const { status } = spawnSync(process.execPath, [...args, ...own], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    console.error(`== ${name}: failed; what the file has of it is left as it was`);
    process.exitCode = 1;
    continue;
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  results[name] = { ...circumstances(), seconds, result: JSON.parse(readFileSync(made, 'utf8')) };
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}
console.log(`== ${file}`);

/** When and on what a bench was made. A machine's name tells a reader nothing. */
function circumstances() {
  const { host: _, ...machine } = machineConfig();
  return {
    form: flags.quick ? ('quick' as const) : ('full' as const),
    made: new Date().toISOString().slice(0, 10),
    commit: output('git', ['rev-parse', '--short', 'HEAD'], root).trim(),
    machine: { ...machine, node: process.version },
  };
}
