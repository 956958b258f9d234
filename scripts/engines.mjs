// The newest llama.cpp that Debian's suites have and the newest node-llama-cpp, and the tests of the engines with them: so
// that a change of their options, their output or their layouts shows here first. Nothing is installed; all goes to vendor/.
//
//   npm run engines [-- --fetch-only]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { versionIn } from './debian-suite.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const LLAMA = join(ROOT, 'vendor/llama-newest');
const EMBEDDED = join(ROOT, 'vendor/node-llama-cpp-newest');
const SUITES = ['sid', 'forky', 'trixie-backports', 'trixie'];
const PACKAGE = 'llama.cpp-tools';

/** What runs the engines for real. */
const TESTS = [
  'tests/host/workload-engines.test.ts',
  'tests/host/servers.test.ts',
  'tests/host/synthesized-models-generate.test.ts',
];

try {
  const llama = newestLlama();
  const embedded = newestEmbedded();
  console.log(`llama.cpp ${llama}; node-llama-cpp ${embedded}`);
  if (!process.argv.includes('--fetch-only')) process.exitCode = runTests();
} catch (error) {
  console.error(`engines: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}

function newestLlama() {
  const found = SUITES.map((suite) => ({ suite, version: versionIn(suite, PACKAGE) })).filter(
    ({ version }) => version,
  );
  if (found.length === 0) throw new Error(`no suite of ${SUITES.join(', ')} has ${PACKAGE}`);
  const newest = found.reduce((a, b) => (isLater(b.version, a.version) ? b : a));
  const stamp = join(LLAMA, 'version');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== newest.version) {
    execFileSync(
      process.execPath,
      [join(ROOT, 'scripts/get-llama.mjs'), '--again', '--suite', newest.suite, '--into', LLAMA],
      { stdio: 'inherit' },
    );
    writeFileSync(stamp, newest.version);
  }
  return `${newest.version} of ${newest.suite}`;
}

function isLater(a, b) {
  return spawnSync('dpkg', ['--compare-versions', a, 'gt', b]).status === 0;
}

/** Beside the one that package.json names, with the same packages left out (those for graphics cards). */
function newestEmbedded() {
  const version = execFileSync('npm', ['view', 'node-llama-cpp', 'version'], { encoding: 'utf8' }).trim();
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const wanted = { private: true, dependencies: { 'node-llama-cpp': version }, overrides: own.overrides };
  const file = join(EMBEDDED, 'package.json');
  const text = JSON.stringify(wanted, null, 2);
  if (existsSync(join(EMBEDDED, 'node_modules')) && existsSync(file) && readFileSync(file, 'utf8') === text)
    return version;
  mkdirSync(EMBEDDED, { recursive: true });
  writeFileSync(file, text);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: EMBEDDED,
    stdio: 'inherit',
  });
  return version;
}

/** One file after another: each has the machine's tracer to itself. */
function runTests() {
  const hook = join(ROOT, 'scripts/newest-embedded.mjs');
  const env = {
    ...process.env,
    BLKSCOPE_TEST_LLAMA: join(LLAMA, 'bin'),
    BLKSCOPE_NEWEST_EMBEDDED: EMBEDDED,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${hook}`,
  };
  const failed = TESTS.filter((file) => {
    console.log(`$ ${file}`);
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', '--test', file], {
      cwd: ROOT,
      env,
      stdio: 'inherit',
    });
    return status !== 0;
  });
  console.log(
    failed.length === 0
      ? 'the newest engines are as the tests know them'
      : `the newest engines differ: ${failed.join(', ')}`,
  );
  return failed.length === 0 ? 0 : 1;
}
