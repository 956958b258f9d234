#!/usr/bin/env node
// Brings the kernels that the relay tests boot in QEMU into vendor/kernels/, as Debian builds them for clouds:
// 6.1 and 6.12, whose blktrace gives version 1 records (BLKTRACESETUP alone), and 7.3, which gives version 2
// (BLKTRACESETUP2, from 6.19 on). A folder holds `vmlinux` and `lib/modules/RELEASE`, all decompressed and with
// its modules.dep. Does nothing for a kernel that is there; remove its folder to fetch the suite's newest again.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { download } from './debian-suite.mjs';

/** By the version that tests ask for; a suite moves on within its series, so the release is read from the package. */
const KERNELS = { 6.1: 'bookworm', 6.12: 'trixie', 7.3: 'trixie-backports' };
const KERNELS_DIR = fileURLToPath(new URL('../vendor/kernels/', import.meta.url));

try {
  for (const [version, suite] of Object.entries(KERNELS)) provide(version, suite);
} catch (error) {
  console.error(`get-guest-kernels: ${error.message}`);
  process.exitCode = 1;
}

function provide(version, suite) {
  const into = join(KERNELS_DIR, version);
  if (existsSync(into)) {
    console.log(`kernel ${version}: already in ${into}`);
    return;
  }
  console.log(`kernel ${version}: fetching from Debian ${suite}`);
  const release = bringKernel(version, suite, into);
  console.log(`kernel ${version}: ${release} is in ${into}`);
}

function bringKernel(version, suite, into) {
  const unpacked = `${into}.unpacked`;
  const partial = `${into}.partial`;
  rmSync(partial, { recursive: true, force: true });
  // The metapackage leads to the suite's newest build, and how that one is split into packages differs by suite.
  download(suite, ['linux-image-cloud-amd64'], unpacked, { follow: /^linux-/ });
  const { release, modules, image } = locateKernel(unpacked);
  if (!release.startsWith(`${version}.`)) {
    throw new Error(
      `Debian ${suite} now has kernel ${release}, not ${version}: name the suite that has it in KERNELS`,
    );
  }
  mkdirSync(join(partial, 'lib/modules'), { recursive: true });
  writeFileSync(join(partial, 'vmlinux'), uncompressedKernel(readFileSync(image)));
  renameSync(modules, join(partial, 'lib/modules', release));
  indexModules(partial, release);
  rmSync(unpacked, { recursive: true });
  renameSync(partial, into);
  return release;
}

function locateKernel(unpacked) {
  const root = ['lib/modules', 'usr/lib/modules']
    .map((path) => join(unpacked, path))
    .find((path) => existsSync(path));
  if (!root) throw new Error(`the kernel packages hold no lib/modules (look into ${unpacked})`);
  const release = readdirSync(root)[0];
  const images = [join(unpacked, 'boot', `vmlinuz-${release}`), join(root, release, 'vmlinuz')];
  const image = images.find((path) => existsSync(path));
  if (!image) throw new Error(`the kernel packages hold no vmlinuz (look into ${unpacked})`);
  return { release, modules: join(root, release), image };
}

/**
 * The ELF image inside a bzImage: QEMU starts it at its PVH entry, which saves the emulated processor a second of
 * unpacking in every boot. Offsets: Documentation/arch/x86/boot.rst of Linux; the payload ends in its unpacked size.
 */
function uncompressedKernel(image) {
  const setupSectors = image[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c) - 4);
  const programs = { '02214c18': 'lz4', '28b52ffd': 'zstd', fd377a58: 'xz' };
  const program = programs[payload.toString('hex', 0, 4)];
  if (!program)
    throw new Error(`kernel image compressed in an unknown way (${payload.toString('hex', 0, 4)})`);
  return execFileSync(program, ['-dc'], { input: payload, maxBuffer: 1 << 28 });
}

/** Debian runs depmod when a kernel is installed; the guest's busybox takes no compressed modules. */
function indexModules(root, release) {
  const folder = join(root, 'lib/modules', release);
  const compressed = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.ko.xz'));
  if (compressed.length > 0)
    execFileSync('xz', ['--decompress', '--threads=0', ...compressed], { cwd: folder });
  execFileSync('busybox', ['depmod', '-b', root, release], { stdio: ['ignore', 'ignore', 'inherit'] });
}
