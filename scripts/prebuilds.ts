// Compiles the addon for every machine that it is shipped for: prebuilds/linux-{x64,arm64}/blkscope.{glibc,musl}.node,
// by the names that node-gyp-build looks for, and beside each what `run --touches` loads into llama.cpp (.touches.so). build/Release, the machine's own, is left alone.
//   npm run prebuilds
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { sourcesSum, stampPrebuilds } from './prebuild-stamp.js';
import { compilerOptions, run, type Target, targets } from './zig.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');

/** The path of the built addon. */
export function buildPrebuild(target: Target, sources: string, out: string): string {
  const options = Object.entries(compilerOptions(`${root}build`, target));
  const defined = options.map(([name, value]) => `--CD${name}=${value}`);
  run(process.execPath, [cmakeJs, 'compile', '--directory', sources, '--out', out, ...defined], {
    cwd: sources,
  });
  return `${out}/Release/blkscope.node`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sum = sourcesSum(); // before: sources may change meanwhile
  rmSync(`${root}prebuilds`, { recursive: true, force: true });
  for (const target of targets) {
    const built = buildPrebuild(target, root, `${root}build/prebuilds/${target.folder}-${target.libc}`);
    mkdirSync(`${root}prebuilds/${target.folder}`, { recursive: true });
    const prebuild = `${root}prebuilds/${target.folder}/blkscope.${target.libc}`;
    copyFileSync(built, `${prebuild}.node`);
    copyFileSync(built.replace(/\.node$/, '.touches.so'), `${prebuild}.touches.so`);
  }
  stampPrebuilds(sum);
}
