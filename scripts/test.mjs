#!/usr/bin/env node
// The whole test command: formatter, linter, types, native tests, then the TypeScript tests by kind.
//   npm test                all
//   npm test -- unit vm     some: lint, unit, package, host, vm, native, arm64, sanitizers, fuzz
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { emulator, notThere } from './on-arm64.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(program, ...args) {
  console.log(`$ ${program} ${args.join(' ')}`);
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

// By default one file after the other: the kernel's tracer is global, and two guests at once starve each other.
function nodeTests(kind, atOnce = 1) {
  const folder = `${root}tests/${kind}`;
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
  const paths = files.filter((name) => name.endsWith('.test.ts')).map((name) => `tests/${kind}/${name}`);
  if (paths.length === 0) return true;
  return run(process.execPath, '--import', 'tsx', '--test', `--test-concurrency=${atOnce}`, ...paths.sort());
}

const fuzzSeconds = 30;

function fuzzTargets() {
  return readdirSync(`${root}tests/fuzz`)
    .filter((name) => /^fuzz_\w+\.cc$/.test(name))
    .map((name) => name.slice(0, -3));
}

/** Starts from the kept corpus; what is new goes to the build folder, what fails beside it. Resolves to success. */
function fuzz(target) {
  const found = `${root}build/asan/found/${target}`;
  mkdirSync(found, { recursive: true });
  const limits = [`-max_total_time=${fuzzSeconds}`, '-max_len=8192', '-timeout=10', '-verbosity=0'];
  const folders = [`-artifact_prefix=${found}/failure-`, found, `${root}tests/fuzz/corpus/${target}`];
  console.log(`$ ${target} ${limits.join(' ')}`);
  const child = spawn(`${root}build/asan/tests/fuzz/${target}`, [...limits, ...folders], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** All at once: each is one thread, and a minute and more of trying takes half of one. */
async function fuzzAll() {
  const passed = await Promise.all(fuzzTargets().map(fuzz));
  return passed.every(Boolean);
}

/** For 64-bit ARM, with segments that a kernel with pages of 64 KiB can load. */
const buildForArm64 = () =>
  build(
    'build/arm64',
    '-DCMAKE_SYSTEM_NAME=Linux',
    '-DCMAKE_SYSTEM_PROCESSOR=aarch64',
    '-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++',
    '-DCMAKE_EXE_LINKER_FLAGS=-Wl,-z,max-page-size=65536',
  );

function build(folder, ...options) {
  return (
    run('cmake', '-S', '.', '-B', folder, '-DBLKSCOPE_TESTS=ON', ...options) &&
    run('cmake', '--build', folder, '-j', '2')
  );
}

/** ASan and UBSan are clang's, so that the fuzz targets share the build. */
const buildForAsan = () =>
  build(
    'build/asan',
    '-DCMAKE_CXX_COMPILER=clang++',
    '-DCMAKE_BUILD_TYPE=Sanitize',
    '-DBLKSCOPE_SANITIZE=address,undefined',
    '-DBLKSCOPE_FUZZ=ON',
  );

const buildForTsan = () => build('build/tsan', '-DCMAKE_BUILD_TYPE=Sanitize', '-DBLKSCOPE_SANITIZE=thread');

const buildForTests = () => build('build/tests', '-DBLKSCOPE_BENCH=ON');

/** Under sanitizers those of the capture, which has threads. */
// AddressSanitizer ignores mlock: what locks memory cannot be tested under it.
const captureTests = '--source-file=*session_test*,*spool_test*,*changes_test*,*loss_log_test*';
const threadTests = `${captureTests},*model_stream_test*,*perf_reader_test*`;

const bin = (name) => `${root}node_modules/.bin/${name}`;
const kinds = {
  lint: () =>
    run(bin('biome'), 'ci', '.') &&
    run(bin('tsc'), '-p', 'tsconfig.all.json') &&
    run(bin('tsc'), '-p', 'tsconfig.page.json') &&
    run(process.execPath, 'scripts/check-structure.mjs') &&
    run(bin('knip')),
  unit: () => nodeTests('unit', 2),
  package: () => nodeTests('package'),
  host: () => run(process.execPath, 'scripts/get-llama.mjs') && nodeTests('host'),
  vm: () => run(process.execPath, 'scripts/get-guest-kernels.mjs') && nodeTests('vm'),
  native: () =>
    buildForTests() &&
    run('build/tests/native_tests') &&
    // Again as if pages were of 64 KiB. What asks the real kernel for the state of a page cannot be led to believe it.
    run(
      'env',
      'BLKSCOPE_TEST_PAGE_BYTES=65536',
      'build/tests/native_tests',
      '--source-file-exclude=*/memory/*',
    ),
  arm64: () => buildForArm64() && run(...emulator, 'build/arm64/native_tests', notThere),
  sanitizers: () =>
    buildForAsan() &&
    run('build/asan/native_tests', captureTests) &&
    buildForTsan() &&
    run('build/tsan/native_tests', threadTests),
  fuzz: async () => buildForAsan() && (await fuzzAll()) && nodeTests('fuzz'),
};

/** What is compiled beside the guests, who often wait. The tests themselves are not run there: some are about time. */
const compiled = {
  native: buildForTests,
  arm64: buildForArm64,
  sanitizers: () => buildForAsan() && buildForTsan(),
};

/** Compiles with what others leave of the processors. What goes wrong is told when its kind compiles again. Resolves when it is over. */
function compileBeside(some) {
  // Where the kernel shares by session, niceness counts within one only: the session itself is told to be nice.
  const shell = 'echo 19 > /proc/self/autogroup 2> /dev/null; exec nice -n 19 "$@"';
  const call = ['-c', shell, 'sh', process.execPath, fileURLToPath(import.meta.url), '--compile', ...some];
  const child = spawn('sh', call, { cwd: root, stdio: 'ignore', detached: true });
  process.once('exit', () => (child.exitCode ?? child.signalCode) === null && process.kill(-child.pid));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  return new Promise((resolve) => child.on('close', resolve));
}

const asked = process.argv.slice(2);
if (asked[0] === '--compile') {
  for (const kind of asked.slice(1)) compiled[kind]();
  process.exit(0);
}
const unknown = asked.filter((kind) => !(kind in kinds));
if (unknown.length > 0) {
  console.error(
    `test: no such kind of tests: ${unknown.join(', ')}; there are ${Object.keys(kinds).join(', ')}`,
  );
  process.exit(2);
}
if (!run(process.execPath, 'scripts/prerequisites.mjs', 'test')) process.exit(3);
const failed = [];
const wanted = asked.length > 0 ? asked : Object.keys(kinds);
const beside = Object.keys(compiled).filter((kind) => wanted.includes(kind));
for (const kind of wanted) {
  const began = performance.now();
  const compiling = kind === 'vm' && beside.length > 0 ? compileBeside(beside) : null;
  if (!(await kinds[kind]())) failed.push(kind);
  await compiling;
  console.log(`${kind}: ${Math.round((performance.now() - began) / 1000)} s`);
}
console.log(failed.length > 0 ? `failed: ${failed.join(', ')}` : 'all tests passed');
process.exit(failed.length > 0 ? 1 : 0);
