import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import type { NativeChanges } from '../native/changes.js';

/** Where the memory controller is mounted, and whether cgroup v1 or v2 carries it. */
export interface MemoryController {
  version: 1 | 2;
  path: string;
}

/**
 * Finds the memory controller among this machine's mounts; null where there is none.
 *
 * Both versions may be mounted at once (systemd's hybrid layout): the one that has the controller counts.
 */
export function findMemoryController(
  mountinfo = readFileSync('/proc/self/mountinfo', 'utf8'),
): MemoryController | null {
  for (const mount of parseMounts(mountinfo)) {
    if (mount.type === 'cgroup' && mount.superOptions.includes('memory'))
      return { version: 1, path: mount.path };
    if (mount.type === 'cgroup2' && listsMemory(join(mount.path, 'cgroup.controllers'))) {
      return { version: 2, path: mount.path };
    }
  }
  return null;
}

function parseMounts(mountinfo: string): { path: string; type: string; superOptions: string[] }[] {
  const mounts = [];
  for (const line of mountinfo.split('\n')) {
    // "36 35 98:0 /root /mount/point options ... - type source super,options"
    const [before, after] = line.split(' - ');
    const path = before?.split(' ')[4];
    const [type, , superOptions] = after?.split(' ') ?? [];
    if (path && type) mounts.push({ path, type, superOptions: superOptions?.split(',') ?? [] });
  }
  return mounts;
}

function listsMemory(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim().split(/\s+/).includes('memory');
  } catch {
    return false;
  }
}

/** What the kernel counted for a memory cgroup. Bytes; null where the kernel does not tell. */
export interface CgroupFigures {
  peakBytes: number | null;
  majorFaults: number | null;
  /** Pages that came back soon after they had been evicted, as the kernel judges it. */
  refaultedPages: number | null;
  /** Processes that the limit's out-of-memory killer ended. */
  oomKills: number | null;
}

/** Nothing runs in less: the page tables and stacks alone of a program take this much. */
const leastLimit = 4 * 2 ** 20;

/** Throws BlkscopeError: BAD_LIMIT; NO_MEMORY_CGROUP where the kernel offers no memory controller that we may use. */
export function requireLimit(limitBytes: number): MemoryController {
  if (limitBytes < leastLimit) {
    throw new BlkscopeError(
      'BAD_LIMIT',
      `--limit: ${limitBytes} bytes is too small for any program; give at least 4M`,
    );
  }
  const controller = findMemoryController();
  if (!controller) {
    throw new BlkscopeError(
      'NO_MEMORY_CGROUP',
      '--limit needs the memory cgroup controller, which is not mounted here; use --lock or --leave, or boot without cgroup_disable=memory',
      'unsupported',
    );
  }
  return controller;
}

/**
 * A memory cgroup for one workload: its own memory and the page cache it brings in stay under the limit together.
 *
 * Made through `changes`, so that its undo (or `blkscope recover`) kills what still runs in it and removes it.
 */
export class MemoryCgroup {
  readonly #made: number;
  /** As the kernel took it, in whole pages. */
  readonly #limit: string;

  private constructor(
    readonly path: string,
    readonly version: 1 | 2,
    readonly limitBytes: number,
  ) {
    this.#made = statSync(path).ino;
    this.#limit = this.#read(limitFile[version]);
  }

  /** Throws BlkscopeError NO_MEMORY_CGROUP where the kernel offers no memory controller that we may use. */
  static create(changes: NativeChanges, limitBytes: number): MemoryCgroup {
    const controller = requireLimit(limitBytes);
    const path = join(controller.path, `blkscope-${process.pid}`);
    try {
      // In cgroup v2 a group has only the controllers that its parent passes on.
      if (controller.version === 2) changes.passController(controller.path, 'memory');
      changes.makeCgroup(path);
      changes.writeSetting(join(path, limitFile[controller.version]), String(limitBytes));
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'ECGROUP';
      throw new BlkscopeError(
        code,
        `--limit: cannot make the memory cgroup ${path}: ${(cause as Error).message}; run as root, or use --lock or --leave`,
        'unsupported',
        { cause },
      );
    }
    return new MemoryCgroup(path, controller.version, limitBytes);
  }

  /** A process that writes its id here joins; see the launch options of the workload. */
  get procsFile(): string {
    return join(this.path, 'cgroup.procs');
  }

  /** Whether it is still there, the one that was made, with the limit that was set. */
  holds(): boolean {
    const now = statSync(this.path, { throwIfNoEntry: false });
    return now?.ino === this.#made && this.#read(limitFile[this.version]) === this.#limit;
  }

  figures(): CgroupFigures {
    const stat = this.#keyed('memory.stat');
    const peak = Number(this.#read(this.version === 1 ? 'memory.max_usage_in_bytes' : 'memory.peak'));
    const events = this.#keyed(this.version === 1 ? 'memory.oom_control' : 'memory.events');
    return {
      peakBytes: Number.isFinite(peak) && peak > 0 ? peak : null,
      majorFaults: stat.get('pgmajfault') ?? null,
      refaultedPages: stat.get('workingset_refault_file') ?? stat.get('workingset_refault') ?? null,
      oomKills: events.get('oom_kill') ?? null,
    };
  }

  /** The counters since `before` was taken: pinning and probing work in the same group. The peak stays the group's. */
  figuresSince(before: CgroupFigures): CgroupFigures {
    const now = this.figures();
    const since = (key: 'majorFaults' | 'refaultedPages' | 'oomKills') =>
      now[key] === null ? null : now[key] - (before[key] ?? 0);
    return {
      peakBytes: now.peakBytes,
      majorFaults: since('majorFaults'),
      refaultedPages: since('refaultedPages'),
      oomKills: since('oomKills'),
    };
  }

  #keyed(file: string): Map<string, number> {
    const pairs = this.#read(file).split('\n');
    return new Map(
      pairs.map((line) => line.split(' ')).map(([key, value]) => [key as string, Number(value)]),
    );
  }

  #read(file: string): string {
    const path = join(this.path, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

const limitFile = { 1: 'memory.limit_in_bytes', 2: 'memory.max' } as const;
