import { execFileSync } from 'node:child_process';

/** The user a workload runs as. */
export interface Caller {
  uid: number;
  gid: number;
  /** Supplementary groups. Default: none. */
  groups?: number[];
}

/**
 * The user who called sudo; null when root itself runs blkscope, or someone who is not root.
 *
 * Tracing needs root, the workload does not: it runs with its caller's rights, files and home.
 */
export function sudoCaller(): Caller | null {
  const uid = Number(process.env.SUDO_UID);
  const gid = Number(process.env.SUDO_GID);
  if (process.getuid?.() !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid) || uid === 0) return null;
  return { uid, gid, groups: supplementaryGroups(uid) };
}

/**
 * HOME, USER, LOGNAME and SHELL of a user, which sudo leaves at root's; empty for a user without a passwd
 * entry.
 */
export function callerEnvironment(uid: number): Record<string, string> {
  const [name, , , , , home, shell] = lookUp('getent', ['passwd', String(uid)]).split(':');
  if (!name || !home) return {};
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell?.trim() || '/bin/sh' };
}

function supplementaryGroups(uid: number): number[] {
  const [name] = lookUp('getent', ['passwd', String(uid)]).split(':');
  return name ? lookUp('id', ['-G', name]).trim().split(/\s+/).map(Number).filter(Number.isInteger) : [];
}

function lookUp(program: string, args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
