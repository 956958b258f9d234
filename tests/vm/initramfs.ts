// The guest's root file system: one cpio archive that the kernel unpacks into memory, so that no I/O of the guest's
// own system shows in a trace. It is made of layers, each kept under build/vm/ by a hash of what went into it
// (paths, sizes, times), and changes of dist/ rebuild the last, small one alone.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
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
  'busybox-static': ['busybox'],
  dash: ['dash'],
  blktrace: ['blktrace', 'blkparse', 'btt'],
  fio: ['fio'],
  dmsetup: ['dmsetup'],
  e2fsprogs: ['mke2fs', 'mkfs.ext4', 'e2fsck', 'filefrag'],
  'util-linux': ['blockdev', 'losetup', 'fallocate'],
  strace: ['strace'],
};
/** Taken along where this machine has them; a test that needs one says so. */
const OPTIONAL_PROGRAMS = ['bash', 'mkfs.xfs', 'mkfs.btrfs', 'mkfs.f2fs', 'mdadm'];

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
  ],
  ...['dm-mod', 'dm-flakey', 'dm-delay', 'dm-snapshot', 'raid0', 'mq-deadline', 'kyber-iosched', 'bfq'],
  ...['ext4', 'xfs', 'btrfs', 'f2fs', 'overlay', 'crc32c_generic', 'crc32c-intel'],
];

interface Layer {
  name: string;
  /** Host file by its path in the guest, which starts with '/'. */
  files: Map<string, string>;
}

/**
 * The initramfs for a kernel that scripts/get-guest-kernels.mjs brought, made or taken from build/vm/.
 *
 * @param kernelDir holds lib/modules/RELEASE
 * @returns path of the archive, uncompressed cpio (newc)
 * @throws BlkscopeError when this machine lacks a program that the guest needs
 */
export function buildInitramfs(kernelDir: string): string {
  const layers = [systemLayer(), moduleLayer(kernelDir), dependencyLayer(), blkscopeLayer()];
  const keys = layers.map(layerKey);
  return cached('initramfs', keys.join(' '), (path) => {
    for (const [index, layer] of layers.entries()) {
      const part = cached(layer.name, keys[index] ?? '', (file) => packLayer(layer, file));
      appendFileSync(path, readFileSync(part));
    }
  });
}

function systemLayer(): Layer {
  const files = new Map([
    ['/init', join(REPO, 'tests/vm/init.sh')],
    ['/usr/bin/node', process.execPath],
    ['/etc/mke2fs.conf', '/etc/mke2fs.conf'],
  ]);
  for (const [debianPackage, names] of Object.entries(PROGRAMS)) {
    for (const name of names) files.set(guestProgram(name), requireProgram(name, debianPackage));
  }
  for (const name of OPTIONAL_PROGRAMS) {
    const path = findProgram(name);
    if (path) files.set(guestProgram(name), path);
  }
  return { name: 'system', files };
}

function guestProgram(name: string): string {
  return name === 'busybox' ? '/bin/busybox' : `/usr/bin/${name}`;
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
function moduleLayer(kernelDir: string): Layer {
  const release = readdirSync(join(kernelDir, 'lib/modules'))[0] ?? '';
  const folder = join(kernelDir, 'lib/modules', release);
  const files = new Map<string, string>();
  const add = (path: string) => files.set(join('/lib/modules', release, path), join(folder, path));
  for (const path of readdirSync(folder).filter((name) => name.startsWith('modules.'))) add(path);
  const lines = readFileSync(join(folder, 'modules.dep'), 'utf8').split('\n');
  for (const line of lines.filter((each) => MODULES.includes(moduleName(each)))) {
    for (const path of line.replace(':', '').split(' ')) add(path);
  }
  return { name: `modules-${release}`, files };
}

function moduleName(dependencyLine: string): string {
  return basename(dependencyLine.split(':', 1)[0] ?? '', '.ko');
}

/** What node_modules holds for blkscope's users, as npm noted it there; declarations and maps stay behind. */
function dependencyLayer(): Layer {
  const lock: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync(join(REPO, 'node_modules/.package-lock.json'), 'utf8'),
  );
  const installed = Object.keys(lock.packages).filter((path) => !lock.packages[path]?.dev);
  const wanted = (path: string) => !['.ts', '.mts', '.cts', '.map', '.md'].includes(extname(path));
  const paths = installed.flatMap((path) => filesUnder(path)).filter(wanted);
  return { name: 'dependencies', files: inBlkscope(paths) };
}

function blkscopeLayer(): Layer {
  const built = ['dist', 'prebuilds'].flatMap(filesUnder);
  const addon = ['build/Release/blkscope.node'].filter((path) => existsSync(join(REPO, path)));
  return { name: 'blkscope', files: inBlkscope(['package.json', ...built, ...addon]) };
}

function inBlkscope(paths: string[]): Map<string, string> {
  return new Map(paths.map((path) => [join('/blkscope', path), join(REPO, path)]));
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

function layerKey(layer: Layer): string {
  const hash = createHash('sha256');
  const note = (path: string, { size, mtimeMs, mode }: Stats) =>
    hash.update(`${path} ${size} ${mtimeMs} ${mode}\n`);
  for (const [guestPath, hostPath] of layer.files) note(`${guestPath} ${hostPath}`, statSync(hostPath));
  // The libraries that programs are linked to change with the linker's cache.
  note('libraries', statSync('/etc/ld.so.cache'));
  return hash.digest('hex');
}

/** A file of build/vm/ by name and key, made by `make` when it is not there yet and then renamed into place. */
function cached(name: string, key: string, make: (path: string) => void): string {
  const path = join(CACHE, `${name}-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.cpio`);
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(path)) {
    const partial = mkdtempSync(join(CACHE, 'partial-'));
    try {
      make(join(partial, 'cpio'));
      renameSync(join(partial, 'cpio'), path);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
    removeStale(name);
  }
  const now = new Date();
  utimesSync(path, now, now);
  return path;
}

/** A file of the same name that was used within the hour may belong to a test that is just starting. */
function removeStale(name: string): void {
  const anHourAgo = Date.now() - 3_600_000;
  const older = readdirSync(CACHE).filter((file) => file.replace(/-[0-9a-f]{16}\.cpio$/, '') === name);
  for (const path of older.map((file) => join(CACHE, file))) {
    if (statSync(path).mtimeMs < anHourAgo) rmSync(path, { force: true });
  }
}

/** Writes a layer's files and the shared libraries that they are linked to; all belong to root in the guest. */
function packLayer(layer: Layer, archive: string): void {
  const staging = mkdtempSync(join(CACHE, 'staging-'));
  try {
    for (const [guestPath, hostPath] of [...layer.files, ...librariesOf([...layer.files.values()])]) {
      const link = join(staging, guestPath);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(hostPath, link);
    }
    // cpio -L follows the links: what is archived is the files.
    const pack = 'find . -print0 | cpio --null -o -H newc -L -R 0:0 --quiet --block-size=512 > "$0"';
    execFileSync('sh', ['-c', pack, archive], { cwd: staging });
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Libraries in the one folder where the guest's loader looks without a cache; the loader itself by its fixed path. */
function librariesOf(hostPaths: string[]): Map<string, string> {
  const libraries = hostPaths.filter(mayBeLinked).flatMap(linkedLibraries);
  const guestPath = (path: string) =>
    path.startsWith('/lib64/ld-linux') ? path : join('/lib/x86_64-linux-gnu', basename(path));
  return new Map(libraries.map((path) => [guestPath(path), path]));
}

function mayBeLinked(path: string): boolean {
  return ['.node', '.so'].includes(extname(path)) || (statSync(path).mode & 0o111) !== 0;
}

/** Absolute paths from ldd, which fails on scripts and static programs; a package's own libraries are in its layer. */
function linkedLibraries(path: string): string[] {
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  const found = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  return found.filter((library) => !library.startsWith(REPO));
}
