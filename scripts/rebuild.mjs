#!/usr/bin/env node
// Builds the native part for this very machine, from the sources in the package: where no prebuild fits. docs/install.md
//   node node_modules/blkscope/scripts/rebuild.mjs
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

function fail(line) {
  console.error(`rebuild: ${line}`);
  process.exit(3);
}

function run(program, args, need) {
  const env = { ...process.env, NODE_PATH: `${tools}/node_modules` };
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  });
  if (error) fail(`${program} does not start (${error.message}); ${need}`);
  if (status !== 0) fail(`${program} failed, as the lines above say; ${need}`);
}

// Beside the package's own dependencies, which stay as they are.
const tools = `${root}build/tools`;
const needed = ['cmake-js', 'node-addon-api'].map((name) => `${name}@${devDependencies[name]}`);
const quiet = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts'];
run('npm', ['install', '--prefix', tools, ...quiet, ...needed], 'npm must reach its registry');
run(
  process.execPath,
  [`${tools}/node_modules/cmake-js/bin/cmake-js`, 'compile', '--directory', root, '--out', `${root}build`],
  'install a C++20 compiler (g++ 11 or clang 16 and later), cmake 3.22 or later, and make or ninja',
);
console.log(`rebuild: ${root}build/Release/blkscope.node is used from now on`);
