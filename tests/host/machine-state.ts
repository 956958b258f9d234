// What a session may change on the machine, as text by name: two snapshots are equal when nothing is left behind.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalDirectory } from '../../src/machine/recover.js';
import { findMemoryController } from '../../src/memory/cgroup.js';

export const tracefs = '/sys/kernel/tracing';

/** tracefs for tests that speak to the tracer without the command line. */
export function mountedTracefs(): Disposable {
  execFileSync('mount', ['-t', 'tracefs', 'nodev', tracefs]);
  return { [Symbol.dispose]: () => execFileSync('umount', [tracefs]) };
}

const tracerSettings = [
  'current_tracer',
  'trace_clock',
  'tracing_on',
  'options/overwrite',
  'buffer_size_kb',
  'set_event',
];

/** Takes the snapshot. tracefs is mounted for it, aside, and unmounted again. */
export function machineState(): Record<string, string> {
  return {
    ...mounts(),
    ...tracer(),
    ...devices(),
    cgroups: blkscopeCgroups(),
    journal: listing(journalDirectory()),
  };
}

function mounts(): Record<string, string> {
  return { mounts: readFileSync('/proc/self/mounts', 'utf8') };
}

function tracer(): Record<string, string> {
  const target = mkdtempSync(join(tmpdir(), 'blkscope-tracefs-'));
  execFileSync('mount', ['-t', 'tracefs', 'nodev', target]);
  try {
    const values = tracerSettings.map((name) => [name, read(join(target, name)).trim()] as const);
    return Object.fromEntries(values.map(([name, value]) => [name, sameSize(name, value)]));
  } finally {
    execFileSync('umount', [target]);
    rmdirSync(target);
  }
}

/** The kernel allocates the full ring at its first use and then says `1408` for `7 (expanded: 1408)`. */
function sameSize(name: string, value: string): string {
  return name === 'buffer_size_kb' ? (/expanded: (\d+)/.exec(value)?.[1] ?? value) : value;
}

function devices(): Record<string, string> {
  const names = readdirSync('/sys/block').filter((name) => existsSync(`/sys/block/${name}/trace`));
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name} traced`, read(`/sys/block/${name}/trace/enable`)],
      [`${name} readahead`, read(`/sys/block/${name}/queue/read_ahead_kb`)],
    ]),
  );
}

function blkscopeCgroups(): string {
  const root = findMemoryController()?.path;
  return root ? listing(root, (name) => name.startsWith('blkscope')) : '';
}

function listing(folder: string, wanted: (name: string) => boolean = () => true): string {
  return existsSync(folder) ? readdirSync(folder).filter(wanted).sort().join('\n') : '';
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}
