import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { actAs, type Identity, isRootsOwn } from './identity.js';

const toOpen = constants.O_RDONLY | constants.O_DIRECTORY;

/** A file without a name, which Node knows no flag for. */
const nameless = 0o20_000_000 | constants.O_DIRECTORY | constants.O_RDWR;

/**
 * A folder that is held open. Its entries are reached through its descriptor, so it stays the same folder whoever renames
 * it or puts another in its place.
 */
export class Folder implements Disposable {
  readonly fd: number;

  private constructor(path: string, flags: number) {
    this.fd = openSync(path, flags);
  }

  /** Follows links, with these rights. Throws the system's error; BlkscopeError MOVED for a place of root's that others change. */
  static open(path: string, identity: Identity): Folder {
    const folder = actAs(identity, () => new Folder(path, toOpen));
    // A folder of root's that all may write lets anybody put a link there just now.
    if (identity !== null || isRootsOwn(path, folder.fd)) return folder;
    folder[Symbol.dispose]();
    throw new BlkscopeError(
      'MOVED',
      `${path}: somebody else changes what it leads to; name another place`,
      'busy',
    );
  }

  /** Makes it and those above it where they are missing; what was just made is not reached through a link. */
  static make(path: string, identity: Identity): Folder {
    const whole = resolve(path);
    try {
      return Folder.open(whole, identity);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || whole === '/') throw error;
    }
    using above = Folder.make(dirname(whole), identity);
    return actAs(identity, () => {
      try {
        mkdirSync(above.at(basename(whole)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another session was faster
      }
      return above.inner(basename(whole));
    });
  }

  /** A folder in it, which must not be a link. */
  inner(name: string): Folder {
    return new Folder(this.at(name), toOpen | constants.O_NOFOLLOW);
  }

  /** The folder's own path for as long as it is held, whatever its name is by now. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** The path of an entry. */
  at(name: string): string {
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      throw new Error(`${name}: no name of an entry`);
    return `${this.path}/${name}`;
  }

  /** Throws the system's error where files cannot be made in it with these rights. */
  requireWritable(identity: Identity): void {
    closeSync(actAs(identity, () => openSync(this.path, nameless, 0o600)));
  }

  status(): Stats {
    return fstatSync(this.fd);
  }

  /** Removes all that is in it, links themselves and not what they lead to; `last` at the end. */
  empty(last?: string): void {
    const entries = readdirSync(this.path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => Number(a.name === last) - Number(b.name === last))) {
      if (!entry.isDirectory()) {
        unlinkSync(this.at(entry.name));
        continue;
      }
      using inner = this.inner(entry.name);
      inner.empty();
      rmdirSync(this.at(entry.name));
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
