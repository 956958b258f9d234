// The tarball under test: that of $BLKSCOPE_TARBALL (the release's), else one that is packed here. Where prebuilds were
// not made (npm run prebuilds), the machine's own build stands in their place.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prebuildFaults } from '../../scripts/prebuild-stamp.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const builds = join(root, 'build/package');

export const prebuilt = process.env.BLKSCOPE_TARBALL !== undefined || prebuildFaults().length === 0;

/** Outside of the repository, whose node_modules would be found from below it. */
export const temporaryFolder = () => mkdtempSync(join(tmpdir(), 'blkscope-package-'));

/** An absolute path. */
export function tarball(): string {
  return process.env.BLKSCOPE_TARBALL ?? packHere();
}

function packHere(): string {
  rmSync(builds, { recursive: true, force: true });
  mkdirSync(builds, { recursive: true });
  const packed = pack(root);
  if (prebuilt) return packed;
  const package_ = unpacked(packed, builds);
  rmSync(join(package_, 'prebuilds'), { recursive: true, force: true });
  const own = join(package_, `prebuilds/linux-${process.arch}`);
  mkdirSync(own, { recursive: true });
  for (const kind of ['node', 'touches.so'])
    copyFileSync(join(root, `build/Release/blkscope.${kind}`), join(own, `blkscope.glibc.${kind}`));
  rmSync(packed);
  return pack(package_);
}

/** Without its scripts: prepack would refuse, and prepare build. */
function pack(folder: string): string {
  const options = ['--ignore-scripts', '--silent', '--pack-destination', builds];
  return join(builds, npm(['pack', ...options], folder).trim());
}

/** The folder `package` of a tarball. */
export function unpacked(tarball: string, into: string): string {
  execFileSync('tar', ['-xzf', tarball, '-C', into]);
  return join(into, 'package');
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Installs packages into an empty folder as a user would who lets no script run; `args` may hold options of npm, too. */
export function installInto(folder: string, ...args: string[]): void {
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--prefer-offline'];
  npm(['install', ...options, ...args], folder);
}

/** Node of a version, from the npm registry, kept in build/node. A program's path. */
export function nodeOf(version: string, arch: 'x64' | 'arm64' = process.arch as 'x64'): string {
  const folder = join(root, `build/node/${version}-${arch}`);
  const program = join(folder, 'package/bin/node');
  if (existsSync(program)) return program;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  npm(['pack', '--silent', `node-linux-${arch}@${version}`], folder);
  const [packed = ''] = readdirSync(folder);
  unpacked(join(folder, packed), folder);
  rmSync(join(folder, packed));
  return program;
}
