// What a guest boots from: a read-only disk that is its /usr (node, the programs that tests call, node_modules), and an
// initramfs, its root: process 1, kernel modules and what this repository builds. The former is large and seldom changes,
// the latter is small and made anew in a moment. Both are kept under build/vm/ by a hash of what goes into them (paths,
// sizes, times).
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlkscopeError } from '../../src/errors.js';

const REPO = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(REPO, 'build/vm');
const PROGRAM_FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Programs that tests call, by the Debian package that brings them. */
const PROGRAMS: Record<string, string[]> = {
  dash: ['dash'],
  blktrace: ['blktrace', 'blkparse', 'btt'],
  fio: ['fio'],
  dmsetup: ['dmsetup'],
  e2fsprogs: ['mke2fs', 'mkfs.ext4', 'e2fsck', 'filefrag'],
  'util-linux': ['blockdev', 'losetup', 'fallocate', 'mkswap', 'setpriv'],
  mount: ['swapon', 'swapoff'],
  strace: ['strace'],
  mdadm: ['mdadm'],
  'bcache-tools': ['make-bcache'],
  'sg3-utils': ['sg_dd', 'sg_raw'],
  xfsprogs: ['mkfs.xfs'],
  'btrfs-progs': ['mkfs.btrfs'],
};
/** Taken along where this machine has them; a test that needs one says so. */
const OPTIONAL_PROGRAMS = ['bash', 'bpftrace'];

const MODULES = [
  ...[
    'virtio_pci',
    'virtio_console',
    'virtio_blk',
    'nvme',
    'scsi_debug',
    'sd_mod',
    'null_blk',
    'brd',
    'loop',
    'zram',
    'sg',
    'bcache',
  ],
  ...[
    'dm-mod',
    'dm-flakey',
    'dm-delay',
    'dm-snapshot',
    'raid0',
    'raid1',
    'mq-deadline',
    'kyber-iosched',
    'bfq',
  ],
  ...['ext4', 'xfs', 'btrfs', 'overlay', 'crc32c_generic', 'crc32c-intel'],
];

/** Host file by its path inside an image. */
type Files = Map<string, string>;

/**
 * The ext4 image of the guest's /usr, made or taken from build/vm/.
 *
 * @throws BlkscopeError when this machine lacks a program that the guest needs
 */
export function buildUsrImage(): string {
  const files = new Map([['bin/node', process.execPath], ...programs(), ...dependencies()]);
  return cached('usr.ext4', files, (staging, image) => {
    for (const [guestPath, hostPath] of librariesOf([...files.values()]))
      copy(hostPath, join(staging, guestPath));
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-m', '0', '-d', staging, image, '1G']);
  });
}

/**
 * The initramfs for a kernel that scripts/get-guest-kernels.mjs brought, made or taken from build/vm/.
 *
 * @param kernelDir holds lib/modules/RELEASE
 * @returns path of the archive, uncompressed cpio (newc)
 */
export function buildInitramfs(kernelDir: string): string {
  const files = new Map([
    ['init', join(REPO, 'tests/vm/init.sh')],
    ['bin/busybox', requireProgram('busybox', 'busybox-static')],
    ['etc/mke2fs.conf', '/etc/mke2fs.conf'],
    ...modules(kernelDir),
    ...blkscope(),
  ]);
  return cached(`initramfs-${basename(kernelDir)}.cpio`, files, (staging, archive) => {
    const pack = 'find . -print0 | cpio --null -o -H newc -R 0:0 --quiet > "$0"';
    execFileSync('sh', ['-c', pack, archive], { cwd: staging });
  });
}

function programs(): Files {
  const required = Object.entries(PROGRAMS).flatMap(([debianPackage, names]) =>
    names.map((name) => [`bin/${name}`, requireProgram(name, debianPackage)] as const),
  );
  const optional = OPTIONAL_PROGRAMS.map((name) => [`bin/${name}`, findProgram(name)] as const);
  return new Map([...required, ...optional.flatMap(([path, file]) => (file ? [[path, file] as const] : []))]);
}

function findProgram(name: string): string | undefined {
  return PROGRAM_FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function requireProgram(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path) return path;
  throw new BlkscopeError(
    'ENOENT',
    `the test guest needs ${name}: apt-get install ${debianPackage}`,
    'unsupported',
  );
}

/** The modules named above and all that they need; those that this kernel has built in need no file. */
function modules(kernelDir: string): Files {
  const release = readdirSync(join(kernelDir, 'lib/modules'))[0] ?? '';
  const folder = join('lib/modules', release);
  const dependencyLines = readFileSync(join(kernelDir, folder, 'modules.dep'), 'utf8').split('\n');
  const named = dependencyLines.filter((line) =>
    MODULES.includes(basename(line.split(':', 1)[0] ?? '', '.ko')),
  );
  const indexes = readdirSync(join(kernelDir, folder)).filter((name) => name.startsWith('modules.'));
  const paths = [...indexes, ...named.flatMap((line) => line.replace(':', '').trim().split(' '))];
  return new Map(paths.map((path) => [join(folder, path), join(kernelDir, folder, path)]));
}

/** What node_modules holds for blkscope's users, as npm noted it there; declarations and maps stay behind. */
function dependencies(): Files {
  const lock: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync(join(REPO, 'node_modules/.package-lock.json'), 'utf8'),
  );
  const installed = Object.keys(lock.packages).filter((path) => !lock.packages[path]?.dev);
  const paths = installed.flatMap(filesUnder).filter((path) => !/\.(?:[mc]?ts|map|md)$/.test(path));
  return new Map(paths.map((path) => [join('lib', path), join(REPO, path)]));
}

/** What is built by now; the addon needs no library that node does not bring. */
function blkscope(): Files {
  const addon = ['build/Release/blkscope.node'].filter((path) => existsSync(join(REPO, path)));
  const paths = ['package.json', ...filesUnder('dist'), ...filesUnder('prebuilds'), ...addon];
  return new Map(paths.map((path) => [join('blkscope', path), join(REPO, path)]));
}

/** Files below a folder of the repository, as paths from its root; none when the folder is not there. */
function filesUnder(folder: string): string[] {
  const root = join(REPO, folder);
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile())
    .map((each) => relative(REPO, join(each.parentPath, each.name)));
}

/**
 * An image of build/vm/, made by `make` when it is not there yet and then renamed into place.
 *
 * @param make takes a folder that holds the files, and the path of the image to make
 */
function cached(name: string, files: Files, make: (staging: string, image: string) => void): string {
  const path = join(CACHE, `${inputHash(files)}-${name}`);
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(path)) {
    const work = mkdtempSync(join(CACHE, 'work-'));
    try {
      for (const [guestPath, hostPath] of files) copy(hostPath, join(work, 'files', guestPath));
      make(join(work, 'files'), join(work, 'image'));
      renameSync(join(work, 'image'), path);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    removeStale(name);
  }
  const now = new Date();
  utimesSync(path, now, now);
  return path;
}

function inputHash(files: Files): string {
  const hash = createHash('sha256');
  // The libraries that programs are linked to change with the linker's cache.
  for (const [guestPath, hostPath] of [...files, ['libraries', '/etc/ld.so.cache']] as const) {
    const { size, mtimeMs, mode } = statSync(hostPath);
    hash.update(`${guestPath} ${hostPath} ${size} ${mtimeMs} ${mode}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** A file of the same name that was used within the hour may belong to a test that is just starting. */
function removeStale(name: string): void {
  const anHourAgo = Date.now() - 3_600_000;
  const older = readdirSync(CACHE).filter((file) => file.endsWith(`-${name}`));
  for (const path of older.map((file) => join(CACHE, file))) {
    if (statSync(path).mtimeMs < anHourAgo) rmSync(path, { force: true });
  }
}

/** Libraries in the one folder where the guest's loader looks without a cache; the loader itself by its fixed path. */
function librariesOf(hostPaths: string[]): Files {
  const libraries = hostPaths.filter(mayBeLinked).flatMap(linkedLibraries);
  const guestPath = (path: string) =>
    path.startsWith('/lib64/') ? join('lib64', basename(path)) : join('lib/x86_64-linux-gnu', basename(path));
  return new Map(libraries.map((path) => [guestPath(path), path]));
}

function mayBeLinked(path: string): boolean {
  return ['.node', '.so'].includes(extname(path)) || (statSync(path).mode & 0o111) !== 0;
}

/** Absolute paths from ldd, which fails on scripts and static programs; a package brings its own libraries. */
function linkedLibraries(path: string): string[] {
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  const found = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  return found.filter((library) => !library.startsWith(REPO));
}
