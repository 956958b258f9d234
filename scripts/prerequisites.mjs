#!/usr/bin/env node
// Installs what a step needs beyond Node and npm: through apt as root, after asking otherwise; elsewhere names it.
//   node scripts/prerequisites.mjs build|test
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';

/** What proves that a package is there: a program on PATH, or a file. */
const needs = {
  build: [
    { package: 'g++', proof: 'g++' },
    { package: 'make', proof: 'make' },
    { package: 'cmake', proof: 'cmake' },
  ],
  test: [
    { package: 'doctest-dev', proof: '/usr/include/doctest/doctest.h' },
    { package: 'clang', proof: 'clang++' },
    { package: 'libclang-rt-14-dev', proof: '/usr/share/doc/libclang-rt-14-dev' },
    { package: 'qemu-system-x86', proof: 'qemu-system-x86_64' },
    { package: 'blktrace', proof: 'blktrace' },
    { package: 'fio', proof: 'fio' },
    { package: 'busybox-static', proof: '/usr/share/doc/busybox-static' },
    { package: 'cpio', proof: 'cpio' },
    { package: 'dmsetup', proof: 'dmsetup' },
    { package: 'strace', proof: 'strace' },
    { package: 'sudo', proof: 'sudo' },
    { package: 'mdadm', proof: 'mdadm' },
    { package: 'bcache-tools', proof: 'make-bcache' },
    { package: 'sg3-utils', proof: 'sg_dd' },
    { package: 'xfsprogs', proof: 'mkfs.xfs' },
    { package: 'btrfs-progs', proof: 'mkfs.btrfs' },
    { package: 'kmod', proof: 'modinfo' },
    { package: 'xz-utils', proof: 'xz' },
    { package: 'zsh', proof: 'zsh' },
    { package: 'fish', proof: 'fish' },
    { package: 'groff-base', proof: 'groff' },
    { package: 'chromium', proof: 'chromium' },
    { package: 'g++-aarch64-linux-gnu', proof: 'aarch64-linux-gnu-g++' },
    { package: 'libc6-dev-arm64-cross', proof: '/usr/aarch64-linux-gnu/include/unistd.h' },
    { package: 'qemu-user-static', proof: 'qemu-aarch64-static' },
    { package: 'debootstrap', proof: 'debootstrap' },
    { package: 'musl', proof: '/lib/ld-musl-x86_64.so.1' },
  ],
};

const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
const found = (proof) =>
  proof.startsWith('/') ? existsSync(proof) : folders.some((folder) => existsSync(`${folder}/${proof}`));

async function agreed(packages) {
  if (process.getuid() === 0) return true;
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `blkscope needs ${packages.join(', ')}. Install with sudo apt-get? [y/N] `,
  );
  terminal.close();
  return /^y/i.test(answer);
}

function install(packages) {
  const sudo = process.getuid() === 0 ? [] : ['sudo'];
  const apt = (...args) => {
    const [program, ...rest] = [...sudo, 'apt-get', '-q', ...args];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    return spawnSync(program, rest, { stdio: ['ignore', 2, 2], env }).status === 0;
  };
  return apt('update') && apt('install', '-y', '--no-install-recommends', ...packages);
}

const step = process.argv[2];
if (!(step in needs)) {
  console.error(`prerequisites: '${step}' is not a step; give build or test`);
  process.exit(2);
}
const missing = needs[step].filter((need) => !found(need.proof)).map((need) => need.package);
if (missing.length > 0) {
  const line = `blkscope needs for ${step}: ${missing.join(' ')} (Debian's names); install them and run this again`;
  if (!found('apt-get') || !(await agreed(missing)) || !install(missing)) {
    console.error(line);
    process.exit(3);
  }
}
