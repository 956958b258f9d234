// What a release shows of its compiler's work, beside what the tests of the tarball show of its files.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { emulator, notThere } from './on-arm64.mjs';
import { buildPrebuild } from './prebuilds.js';
import { compilerOptions, run, type Target, targets } from './zig.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A second build, in another place, agrees with the first byte by byte. */
export function checkReproducible(): void {
  const [target] = targets as readonly [Target, ...Target[]];
  const elsewhere = join(tmpdir(), `blkscope-again-${process.pid}`);
  rmSync(elsewhere, { recursive: true, force: true });
  for (const source of ['native', 'CMakeLists.txt', 'package.json'])
    cpSync(join(root, source), join(elsewhere, source), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(elsewhere, 'node_modules'));
  const again = buildPrebuild(target, elsewhere, join(elsewhere, 'build'));
  const first = join(root, `prebuilds/${target.folder}/blkscope.${target.libc}.node`);
  if (!readFileSync(first).equals(readFileSync(again)))
    throw new Error(`two builds of ${target.zig} differ: ${first} and ${again}`);
  rmSync(elsewhere, { recursive: true });
  console.log(`release: two builds for ${target.zig} are the same, byte by byte`);
}

/** The native tests, compiled as the prebuilds are: on this machine and emulated, with each C library. */
export function checkNativeTests(): void {
  for (const target of targets) {
    const folder = join(root, `build/native-${target.zig}`);
    // With musl the C library is part of the program; the other one is taken from this machine's cross compiler.
    const options = Object.entries({ ...compilerOptions(join(root, 'build'), target), BLKSCOPE_TESTS: 'ON' });
    run('cmake', ['-S', root, '-B', folder, ...options.map(([name, value]) => `-D${name}=${value}`)]);
    run('cmake', ['--build', folder, '-j', '2']);
    const program = join(folder, 'native_tests');
    if (target.processor === 'x86_64') run(program, []);
    else run(emulator[0], [...emulator.slice(1), program, notThere]);
  }
  const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim();
  console.log(`release: the native tests pass for ${targets.length} targets, on ${machine}`);
}
