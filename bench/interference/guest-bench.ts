// The same as interference-bench.ts, in a QEMU guest: there no lockdown keeps blktrace out, and no other machine shares the disk.
//   npm run bench:interference-guest -- [--rounds N] [--tokens N] [--mib N] [--limit MIB] [--json FILE]
// Processors are emulated, so the model is small (--mib, of random weights), and so are speeds: 5 rounds of 6 tokens.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { synthesizeModel } from '../../dist/index.js';
import { bootGuest } from '../../tests/vm/guest.js';
import { root } from '../programs.js';
import type { Shapes } from '../results.js';
import { told } from './in-turns.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '6' },
    mib: { type: 'string', default: '80' },
    limit: { type: 'string', default: '40' },
    json: { type: 'string' },
  },
});
const folder = join(root, 'build/bench');
mkdirSync(folder, { recursive: true });

/** A file system that holds the model, and llama.cpp beside it. */
async function diskImage(): Promise<string> {
  const image = join(folder, `interference-${flags.mib}.ext4`);
  if (existsSync(image)) return image;
  const work = mkdtempSync(join(folder, 'disk-'));
  try {
    const files = join(work, 'files');
    mkdirSync(files);
    await synthesizeModel(join(files, 'model.gguf'), { preset: 'demo', bytes: Number(flags.mib) * 2 ** 20 });
    execFileSync('cp', ['-a', join(root, 'vendor/llama'), files]);
    const size = `${Number(flags.mib) + 256}M`;
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-m', '0', '-d', files, join(work, 'image'), size]);
    renameSync(join(work, 'image'), image);
  } finally {
    rmSync(work, { recursive: true });
  }
  return image;
}

/** in-guest.ts and what it imports, but for blkscope itself, which the guest has where this repository has it. */
async function script(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'bench/interference/in-guest.ts')],
    outfile: join(root, 'bench/interference/in-guest.mjs'),
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['../../dist/*'],
  });
  return outputFiles[0]?.contents as Uint8Array;
}

await using guest = await bootGuest({
  kernel: '7.3',
  memoryMiB: 2048,
  disks: [{ image: await diskImage() }],
});
// Programs come from memory, so the disk's reads are the model's.
await guest.output('mount /dev/vda /mnt && cp -a /mnt/llama /tmp/ && mkdir -p /blkscope/bench/interference');
// Page by page, a few tokens of a small model take as many reads as a hundred of a large one.
await guest.output('echo 4 > /sys/block/vda/queue/read_ahead_kb');
await guest.writeFile('/blkscope/bench/interference/in-guest.mjs', await script());
const [rounds, tokens] = [Number(flags.rounds), Number(flags.tokens)];
const turns = {
  model: '/mnt/model.gguf',
  llama: '/tmp/llama/bin/llama-bench',
  limitBytes: Number(flags.limit) * 2 ** 20,
  rounds,
  tokens,
};
const printed = await guest.output(
  `node /blkscope/bench/interference/in-guest.mjs '${JSON.stringify(turns)}'`,
  { timeoutMs: rounds * 4 * (60_000 + tokens * 10_000) },
);
const result: Shapes['interferenceInGuest'] = { ...JSON.parse(printed), kernel: guest.release };
console.log(told(result));
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
