import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { BlkscopeError, type ExitKind } from '../errors.js';
import { makeFolders } from './make-folders.js';
import { partialPath, removeLeftovers } from './partial.js';

/** The files of a run folder. */
export const runFiles = {
  config: 'config.json',
  summary: 'summary.json',
  trace: 'trace.duckdb',
  log: 'workload.log',
} as const;

/** Where a run goes when no -o is given: runs/20260708-120311-llama-2-7b. `subject` is the model or the command. */
export function defaultRunPath(subject: string, now = new Date(), parent = 'runs'): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const name = basename(subject).replace(/\.gguf$/i, '');
  const base = join(parent, `${time}-${name.replace(/[^\w.+-]+/g, '_').slice(0, 60)}`);
  // Two runs may start within a second of each other.
  for (let n = 2, path = base; ; n++) {
    if (!existsSync(path)) return path;
    path = `${base}.${n}`;
  }
}

/**
 * A run folder in the making. It is filled under a temporary name beside its target, and gets its real name in one
 * rename when it is whole: whoever sees the target sees all of it.
 */
export class RunFolder {
  readonly target: string;
  /** Where the files are written until `publish()`. */
  readonly path: string;
  #published = false;

  private constructor(target: string) {
    this.target = resolve(target);
    this.path = partialPath(this.target);
  }

  /**
   * Also removes what killed sessions left half written beside the target.
   * Throws BlkscopeError: the target exists, or its parent cannot be written.
   */
  static begin(target: string): RunFolder {
    const folder = new RunFolder(target);
    refuseExisting(folder.target);
    try {
      makeFolders(dirname(folder.target));
      removeLeftovers(dirname(folder.target));
      mkdirSync(folder.path);
    } catch (error) {
      throw folderError(error, dirname(folder.target));
    }
    return folder;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  writeJson(name: string, value: unknown): void {
    try {
      writeFileSync(this.file(name), `${JSON.stringify(value, jsonNumber, 2)}\n`);
    } catch (error) {
      throw folderError(error, this.file(name));
    }
  }

  /** Gives the folder its name. Returns it. */
  publish(): string {
    refuseExisting(this.target);
    try {
      renameSync(this.path, this.target);
    } catch (error) {
      throw folderError(error, this.target);
    }
    this.#published = true;
    return this.target;
  }

  /** Removes what was written, unless it was published. */
  discard(): void {
    if (!this.#published) rmSync(this.path, { recursive: true, force: true });
  }
}

function refuseExisting(target: string): void {
  if (existsSync(target)) {
    throw new BlkscopeError('EEXIST', `${target} exists already; give another folder with -o, or remove it`);
  }
}

const kinds: Record<string, ExitKind> = { ENOSPC: 'busy', EDQUOT: 'busy', EACCES: 'usage', EROFS: 'usage' };

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
};

/** Turns a failure to write below a run folder into a line for the user. */
export function folderError(error: unknown, path: string): Error {
  if (error instanceof BlkscopeError) return error;
  const { code = 'EIO', message } = error as NodeJS.ErrnoException;
  const reason = reasons[code] ?? message;
  return new BlkscopeError(
    code,
    `cannot write ${path}: ${reason}; name another place with -o`,
    kinds[code] ?? 'usage',
    {
      cause: error,
    },
  );
}

/** JSON knows no bigint; ours fit a number exactly (ns since boot, sectors). */
function jsonNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
