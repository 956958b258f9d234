import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { native } from '../native/binding.js';
import type { NativeIdentity } from '../native/file-rights.js';
import { asBlkscopeError } from '../native/native-error.js';
import { sudoCaller, userIdentity } from './caller.js';

/** Whose rights count for what is read and written in somebody's folder; null: our own. */
export type Identity = NativeIdentity | null;

/**
 * With whose rights root is to write at a path: those of the user who called sudo; else of the first other user on the
 * way there, who may put a link in it. null: our own, for root's own folders and for who is not root.
 */
export function identityAt(path: string): Identity {
  if (process.geteuid?.() !== 0 || path.startsWith(heldFolders)) return null;
  const caller = sudoCaller();
  if (caller) return caller;
  const { owner } = wayTo(resolve(path));
  return owner === null ? null : userIdentity(owner);
}

/** Whether an open folder is still the one that its path leads to, with nothing of another user's on the way there. */
export function isRootsOwn(path: string, fd: number): boolean {
  if (process.geteuid?.() !== 0 || path.startsWith(heldFolders)) return true;
  const { owner, real } = wayTo(resolve(path));
  return owner === null && real === readlinkSync(`${heldFolders}${fd}`);
}

/** What we reach by a descriptor of ours is a folder in the making, which is ours alone. */
const heldFolders = '/proc/self/fd/';

/** As the kernel allows it; a chain of links that is longer leads nowhere. */
const mostLinks = 40;

/** Looks at each step once: the first other user whom one belongs to, else where the path leads. */
function wayTo(path: string, links = 0): { owner: number | null; real: string } {
  let at = '/';
  const names = path.split('/').filter(Boolean);
  for (const [i, name] of names.entries()) {
    at = join(at, name);
    const status = lstatSync(at, { throwIfNoEntry: false });
    if (!status) break;
    if (status.uid !== 0) return { owner: status.uid, real: path };
    if (!status.isSymbolicLink()) continue;
    if (links === mostLinks) break;
    return wayTo(resolve(dirname(at), readlinkSync(at), ...names.slice(i + 1)), links + 1);
  }
  return { owner: null, real: path };
}

/** Runs what does not wait with the rights on files of who called sudo: what he names is read as he may read it. */
export function asCaller<T>(action: () => T): T {
  return actAs(sudoCaller(), action);
}

/** Runs what does not wait with these rights on files. Throws what it throws; EPERM where we may not act as them. */
export function actAs<T>(identity: Identity, action: () => T): T {
  if (!identity) return action();
  let failure: { error: unknown } | null = null;
  try {
    return native.actAs(identity, () => {
      try {
        return action();
      } catch (error) {
        failure = { error };
        throw error;
      }
    });
  } catch (error) {
    if (failure) throw (failure as { error: unknown }).error;
    throw asBlkscopeError(error);
  }
}
