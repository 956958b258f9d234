import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { BlkscopeError, type ExitKind } from '../errors.js';
import { PartialFolder } from '../files/partial.js';
import { writeNew } from '../files/write.js';

/** The files of a run folder. */
export const runFiles = {
  config: 'config.json',
  summary: 'summary.json',
  trace: 'trace.duckdb',
  log: 'workload.log',
} as const;

/**
 * Where a run goes when no -o is given: runs/20260708-120311-llama-2-7b. `subject` is the model or the command.
 *
 * @example
 * defaultRunPath('model.gguf'); // 'runs/20260329-101500-model'
 */
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
 * A run folder in the making. It is filled under a temporary name beside its target, where nobody else reaches it, and gets
 * its real name in one rename when it is whole: whoever sees the target sees all of it. It then belongs to who asked for
 * the run, or to whom the place belongs.
 */
export class RunFolder {
  readonly target: string;
  readonly #partial: PartialFolder;

  private constructor(target: string) {
    this.target = target;
    this.#partial = PartialFolder.beside(target);
  }

  /** Where the files are written until `publish()`. */
  get path(): string {
    return this.#partial.path;
  }

  /**
   * Also removes what killed sessions left half written beside the target.
   * Throws BlkscopeError: the target exists, or its parent cannot be written.
   */
  static begin(target: string): RunFolder {
    const whole = resolve(target);
    refuseExisting(whole);
    try {
      return new RunFolder(whole);
    } catch (error) {
      throw folderError(error, dirname(whole));
    }
  }

  /** The path by which this process reaches one of its files while the folder has no name. */
  file(name: string): string {
    return this.#partial.file(name);
  }

  writeJson(name: string, value: unknown): void {
    try {
      writeNew(this.file(name), `${JSON.stringify(value, jsonNumber, 2)}\n`);
    } catch (error) {
      throw folderError(error, join(this.target, name));
    }
  }

  /** Gives the folder its name. Returns it. */
  publish(): string {
    refuseExisting(this.target);
    try {
      this.#partial.publish(basename(this.target));
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? taken(this.target)
        : folderError(error, this.target);
    }
    return this.target;
  }

  /** Removes what was written, unless it was published. */
  discard(): void {
    this.#partial.discard();
  }
}

function refuseExisting(target: string): void {
  if (existsSync(target)) throw taken(target);
}

function taken(target: string): BlkscopeError {
  return new BlkscopeError('EEXIST', `${target} exists already; give another folder with -o, or remove it`);
}

const kinds: Record<string, ExitKind> = {
  ...{ ENOSPC: 'busy', EDQUOT: 'busy', EIO: 'busy' },
  ...{ EACCES: 'usage', EROFS: 'usage' },
};

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EIO: 'the disk fails',
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
