// llama.cpp's own programs, ready to run under vendor/llama/bin, on machines whose release has none: those of Debian
// forky, with the C library and loader they were built for. Nothing is installed.
//
//   node scripts/get-llama.mjs [--again] [--suite SUITE --into FOLDER]
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { download } from './debian-suite.mjs';

const { values } = parseArgs({
  options: {
    again: { type: 'boolean', default: false },
    suite: { type: 'string', default: 'forky' },
    into: { type: 'string', default: fileURLToPath(new URL('../vendor/llama/', import.meta.url)) },
  },
});
const SUITE = values.suite;
const FOLDER = resolve(values.into);
const LIBRARIES = 'root/usr/lib/x86_64-linux-gnu';

try {
  getLlama(values.again);
} catch (error) {
  console.error(`get-llama: ${error.message}`);
  process.exitCode = 1;
}

function getLlama(again) {
  if (process.arch !== 'x64')
    throw new Error(`this fetches x86-64 programs, and this machine is ${process.arch}`);
  // The wrappers are what is written last, so their folder tells a whole set from one that was cut short.
  if (existsSync(join(FOLDER, 'bin')) && !again) {
    console.log(`${join(FOLDER, 'bin')} exists; --again fetches it anew`);
    return;
  }
  rmSync(FOLDER, { recursive: true, force: true });
  const packages = download(SUITE, ['llama.cpp-tools', 'zlib1g'], join(FOLDER, 'root'), { follow: /^lib/ });
  moveBackendsToLoader();
  const programs = writeWrappers();
  const version = packages.find(({ name }) => name === 'llama.cpp-tools')?.version;
  console.log(`llama.cpp ${version} in ${join(FOLDER, 'bin')}: ${programs.join(' ')}`);
}

/**
 * ggml looks for its CPU backends in a system folder and in that of /proc/self/exe, which is the loader's when a
 * program is started by its loader.
 */
function moveBackendsToLoader() {
  const libraries = join(FOLDER, LIBRARIES);
  const backends = join(libraries, 'ggml', 'backends0');
  for (const name of readdirSync(backends)) renameSync(join(backends, name), join(libraries, name));
}

/** Each wrapper becomes its program (exec), so the process id is llama.cpp's own. One is tried before all appear. */
function writeWrappers() {
  const programs = readdirSync(join(FOLDER, 'root/usr/bin')).filter((name) => name.startsWith('llama-'));
  const partial = join(FOLDER, 'bin.partial');
  for (const folder of [partial, join(FOLDER, 'loader')]) mkdirSync(folder);
  for (const name of programs) {
    // The kernel names a process after the file that it starts: a link by the program's name keeps that name.
    symlinkSync(`../${LIBRARIES}/ld-linux-x86-64.so.2`, join(FOLDER, 'loader', name));
    writeFileSync(join(partial, name), wrapper(name));
    chmodSync(join(partial, name), 0o755);
  }
  execFileSync(join(partial, 'llama-completion'), ['--version'], { stdio: 'ignore' });
  renameSync(partial, join(FOLDER, 'bin'));
  return programs;
}

function wrapper(name) {
  return `#!/bin/sh
folder=$(dirname "$(dirname "$(readlink -f "$0")")")
libraries="$folder/${LIBRARIES}"
exec "$folder/loader/${name}" --library-path "$libraries:$libraries/llama" --argv0 "$0" \\
  "$folder/root/usr/bin/${name}" "$@"
`;
}
