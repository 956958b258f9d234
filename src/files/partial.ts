import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';
import { Folder } from './folder.js';
import { actAs, type Identity, identityAt } from './identity.js';
import { begun, finished } from './unfinished.js';

/** In a folder that is not finished: what has it is ours, and nothing else is removed. */
const marker = '.unfinished';

/** A name that nobody can foresee, hidden, beside the one that it is for. */
function partialName(name: string): string {
  return `.${name.slice(0, 200)}.${native.unforeseenDigits()}.partial`;
}

const isPartialName = (name: string) => /^\..*\.[0-9a-f]{16}\.partial$/.test(name);

/** For so long a folder is emptied again that somebody still writes to. */
const mostEmptyingMs = 300;

const synced = promisify(fsync);

/** By the path through which we reach a folder in the making: the one that it is for. */
const targets = new Map<string, string>();

/** A text for users: what is named by a descriptor of ours is named by the place that it is for. */
export function withRealPaths(text: string): string {
  return text.replace(/\/proc\/self\/fd\/\d+/g, (path) => targets.get(path) ?? path);
}

/** What a new file or folder may have at most: 0666 or 0777 less the umask. */
function modeOf(most: number): number {
  const [, mask = '22'] = /^Umask:\s*([0-7]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return most & ~Number.parseInt(mask, 8);
}

/**
 * A folder in the making, beside the place where it or its files shall appear. As long as it is filled it is ours alone,
 * though it lies in a folder of somebody else's: nobody else sees into it or puts anything there. It is then given to
 * whom the place belongs, and named with his rights.
 */
export class PartialFolder {
  /** Whom it will belong to. */
  readonly identity: Identity;
  readonly #parent: Folder;
  readonly #folder: Folder;
  readonly #name: string;
  /** The group that it was made with, which a folder above it may have chosen. */
  readonly #group: number;
  #handedOver = false;
  #over = false;

  private constructor(target: string) {
    this.identity = identityAt(dirname(target));
    this.#parent = Folder.make(dirname(target), this.identity);
    try {
      removeLeftoversIn(this.#parent, this.identity);
      this.#name = partialName(basename(target));
      this.#folder = actAs(this.identity, () => {
        mkdirSync(this.#parent.at(this.#name), 0o700);
        return this.#parent.inner(this.#name);
      });
    } catch (error) {
      this.#parent[Symbol.dispose]();
      throw error;
    }
    try {
      this.#group = this.#folder.status().gid;
      this.#takeOver();
    } catch (error) {
      actAs(this.identity, () => rmdirSync(this.#parent.at(this.#name)));
      this.#close();
      throw error;
    }
    begun(this);
    targets.set(this.path, target);
  }

  /** Makes the folders above it where they are missing, and removes what killed sessions left beside it. Throws the system's errors. */
  static beside(target: string): PartialFolder {
    return new PartialFolder(resolve(target));
  }

  /** From here on nobody else has a right in it; it was just made, so nothing may be in it. */
  #takeOver(): void {
    if (this.identity) {
      fchownSync(this.#folder.fd, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
      if (readdirSync(this.#folder.path).length > 0)
        throw new BlkscopeError('NOT_EMPTY', `${this.#name}: something was put into a folder just made`);
    }
    native.lockOpenFile(this.#folder.fd);
    closeSync(openSync(this.file(marker), 'wx', 0o600));
  }

  /** Reaches the folder wherever it is; good for this process and for the descriptors that it hands on. */
  get path(): string {
    return this.#folder.path;
  }

  file(name: string): string {
    return this.#folder.at(name);
  }

  /** Names of what is in it. */
  names(): string[] {
    return readdirSync(this.path).filter((name) => name !== marker);
  }

  /** Gives the folder its name beside which it was made. Throws EEXIST: that is taken. */
  publish(name: string): void {
    this.#handOver();
    actAs(this.identity, () => {
      native.renameNew(this.#parent.fd, this.#name, this.#parent.fd, name);
      unlinkSync(this.file(marker));
    });
    this.#over = true;
    const moved = !this.#isAt(name);
    this.#close();
    if (moved)
      throw new BlkscopeError(
        'MOVED',
        `${name}: it was moved away by somebody else while it was written`,
        'busy',
      );
  }

  #isAt(name: string): boolean {
    const named = lstatSync(this.#parent.at(name), { throwIfNoEntry: false });
    const { dev, ino } = this.#folder.status();
    return named?.dev === dev && named.ino === ino;
  }

  /**
   * Gives one of its files a place on the same file system, whose folders are made. Throws EEXIST: that is taken;
   * `replace` removes what is there.
   */
  moveOut(name: string, to: string, { replace = false } = {}): void {
    this.#handOver();
    using target = Folder.make(dirname(to), this.identity);
    actAs(this.identity, () => {
      if (replace) removeFile(target, basename(to));
      native.renameNew(this.#folder.fd, name, target.fd, basename(to));
    });
  }

  /** Removes it with what is left in it, unless it was published. */
  discard(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      const empty = () => this.#folder.empty(marker);
      if (this.#handedOver) actAs(this.identity, empty);
      else empty();
      if (this.identity) fchownSync(this.#folder.fd, this.identity.uid, this.#group);
      actAs(this.identity, () => this.#removeEmpty(empty));
    } finally {
      this.#close();
    }
  }

  /** A thread of the database's may still be at work when a signal ends the process: it makes its next file meanwhile. */
  #removeEmpty(empty: () => void): void {
    const until = performance.now() + mostEmptyingMs;
    while (this.#isAt(this.#name)) {
      try {
        rmdirSync(this.#parent.at(this.#name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || performance.now() > until) throw error;
        empty();
      }
    } // somebody has moved it: it is empty
  }

  #handOver(): void {
    if (this.#handedOver) return;
    giveAway(this.#folder, this.identity, this.#group);
    this.#handedOver = true;
  }

  #close(): void {
    finished(this);
    targets.delete(this.path);
    this.#folder[Symbol.dispose]();
    this.#parent[Symbol.dispose]();
  }
}

/** The marker stays ours: it is what tells a left-over. */
function giveAway(folder: Folder, identity: Identity, group: number): void {
  for (const entry of readdirSync(folder.path, { withFileTypes: true })) {
    if (entry.name === marker) continue;
    if (entry.isDirectory()) {
      using inner = folder.inner(entry.name);
      giveAway(inner, identity, group);
      continue;
    }
    const path = folder.at(entry.name);
    chmodSync(path, modeOf(0o666));
    if (identity) lchownSync(path, identity.uid, group);
  }
  fchmodSync(folder.fd, modeOf(0o777));
  if (identity) fchownSync(folder.fd, identity.uid, group);
}

/** A link itself, not what it leads to. */
function removeFile(folder: Folder, name: string): void {
  requireFile(folder, name);
  rmSync(folder.at(name), { force: true });
}

/** A device, a pipe or a folder is nothing that a file of ours may take the place of. */
function requireFile(folder: Folder, name: string): void {
  const there = lstatSync(folder.at(name), { throwIfNoEntry: false });
  if (there && !there.isFile() && !there.isSymbolicLink())
    throw new BlkscopeError(
      'NOT_A_FILE',
      `${name}: not a regular file, and not replaced; name another place`,
    );
}

/**
 * A file in the making: written through its descriptor, by whomever the place belongs to, under a name that nobody can
 * foresee, and named when it is whole.
 */
export class PartialFile {
  readonly fd: number;
  readonly #identity: Identity;
  readonly #parent: Folder;
  readonly #name: string;
  #over = false;

  private constructor(target: string) {
    this.#identity = identityAt(dirname(target));
    this.#parent = Folder.make(dirname(target), this.#identity);
    this.#name = partialName(basename(target));
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    try {
      removeLeftoversIn(this.#parent, this.#identity);
      actAs(this.#identity, () => requireFile(this.#parent, basename(target)));
      this.fd = actAs(this.#identity, () => openSync(this.#parent.at(this.#name), flags, 0o666));
    } catch (error) {
      this.#parent[Symbol.dispose]();
      throw error;
    }
    native.lockOpenFile(this.fd);
    begun(this);
  }

  /** Makes the folders above it where they are missing, and removes what killed sessions left beside it. Throws the system's errors. */
  static beside(target: string): PartialFile {
    return new PartialFile(resolve(target));
  }

  /** Gives it its name. Throws EEXIST: that is taken; `replace` removes what is there. */
  publish(name: string, { replace = false } = {}): void {
    actAs(this.#identity, () => {
      if (replace) removeFile(this.#parent, name);
      native.renameNew(this.#parent.fd, this.#name, this.#parent.fd, name);
    });
    this.#close();
  }

  /** The same, when what was written is on the disk; the name is there with it. */
  async publishOnDisk(name: string, options: { replace?: boolean } = {}): Promise<void> {
    await synced(this.fd);
    using parent = Folder.open(this.#parent.path, null);
    this.publish(name, options);
    await synced(parent.fd);
  }

  /** Removes it, unless it was published. */
  discard(): void {
    if (this.#over) return;
    try {
      actAs(this.#identity, () => unlinkSync(this.#parent.at(this.#name)));
    } finally {
      this.#close();
    }
  }

  #close(): void {
    this.#over = true;
    finished(this);
    closeSync(this.fd);
    this.#parent[Symbol.dispose]();
  }
}

/**
 * What killed writers have left in a folder, by path. What cannot be shown to be ours is not among it.
 *
 * @example
 * console.log(leftovers('runs'));
 */
export function leftovers(path: string): string[] {
  return inFolder(path, (folder, identity) => leftoversIn(folder, identity, () => {}));
}

/**
 * Removes it; returns the paths.
 *
 * @example
 * console.log('removed', removeLeftovers('runs'));
 */
export function removeLeftovers(path: string): string[] {
  return inFolder(path, removeLeftoversIn);
}

function inFolder(path: string, look: (folder: Folder, identity: Identity) => string[]): string[] {
  const identity = identityAt(path);
  try {
    using folder = Folder.open(path, identity);
    return look(folder, identity).map((name) => join(path, name));
  } catch {
    return []; // there is none, or it is not ours to look into
  }
}

function removeLeftoversIn(parent: Folder, identity: Identity): string[] {
  return leftoversIn(parent, identity, (remove) => remove());
}

function leftoversIn(parent: Folder, identity: Identity, found: (remove: () => void) => void): string[] {
  return readdirSync(parent.path)
    .filter(isPartialName)
    .filter((name) => {
      try {
        return lookAtLeftover(parent, name, identity, found);
      } catch {
        return false; // another session was faster, or it is not ours to remove
      }
    });
}

/** O_NONBLOCK: a fifo of that name must not hold us up. */
const toLookAt = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function lookAtLeftover(
  parent: Folder,
  name: string,
  identity: Identity,
  found: (remove: () => void) => void,
): boolean {
  const fd = openSync(parent.at(name), toLookAt);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) return status.isDirectory() && lookAtLeftFolder(parent, name, identity, found);
    if (!native.lockOpenFile(fd)) return false; // its writer lives
    if (status.uid !== (identity?.uid ?? process.geteuid?.())) return false;
    found(() => actAs(identity, () => unlinkSync(parent.at(name))));
    return true;
  } finally {
    closeSync(fd);
  }
}

/**
 * One that is still ours alone is emptied with our own rights, since nobody else could put anything into it; one that was
 * given away already with the rights of its owner.
 */
function lookAtLeftFolder(
  parent: Folder,
  name: string,
  identity: Identity,
  found: (remove: () => void) => void,
): boolean {
  using folder = parent.inner(name);
  const status = folder.status();
  const mark = lstatSync(folder.at(marker), { throwIfNoEntry: false });
  if (!mark?.isFile() || !native.lockOpenFile(folder.fd)) return false;
  const ours = isOursAlone(status) && isOurs(mark);
  if (!ours && status.uid !== identity?.uid) return false;
  found(() => {
    if (ours) folder.empty(marker);
    else actAs(identity, () => folder.empty(marker));
    if (ours && identity) fchownSync(folder.fd, identity.uid, identity.gid);
    actAs(identity, () => rmdirSync(parent.at(name)));
  });
  return true;
}

const isOurs = (status: Stats) => status.uid === process.geteuid?.();

/** Nobody else could put anything into it. */
const isOursAlone = (status: Stats) => isOurs(status) && (status.mode & 0o022) === 0;
