import { execFileSync } from 'node:child_process';
import type { NativeIdentity } from '../native/file-rights.js';

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
export function sudoCaller(): (Caller & NativeIdentity) | null {
  const uid = Number(process.env.SUDO_UID);
  const gid = Number(process.env.SUDO_GID);
  if (process.getuid?.() !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid) || uid <= 0) return null;
  return { uid, gid, groups: supplementaryGroups(uid) };
}

/** Becomes the user who called sudo, for good: for commands that need no root. Nothing for anybody else. */
export function becomeCaller(): void {
  const caller = sudoCaller();
  if (!caller) return;
  Object.assign(process.env, callerEnvironment(caller.uid));
  process.setgroups?.([...caller.groups]);
  process.setgid?.(caller.gid);
  process.setuid?.(caller.uid);
}

/** A user with the groups that he has; one without a passwd entry has none, whatever group a file of his has. */
export function userIdentity(uid: number): NativeIdentity {
  const gid = Number(passwdEntry(uid)[3] || noGroup);
  return { uid, gid, groups: supplementaryGroups(uid) };
}

/** The kernel's own stand-in for a group that is none. */
const noGroup = 65534;

/**
 * HOME, USER, LOGNAME and SHELL of a user, which sudo leaves at root's; empty for a user without a passwd
 * entry.
 */
export function callerEnvironment(uid: number): Record<string, string> {
  const [name, , , , , home, shell] = passwdEntry(uid);
  if (!name || !home) return {};
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell?.trim() || '/bin/sh' };
}

function passwdEntry(uid: number): string[] {
  return lookUp('getent', ['passwd', String(uid)])
    .trim()
    .split(':');
}

function supplementaryGroups(uid: number): number[] {
  const [name] = passwdEntry(uid);
  return name ? lookUp('id', ['-G', name]).trim().split(/\s+/).map(Number).filter(Number.isInteger) : [];
}

/** What was asked before: a run asks for the same user many times. */
const known = new Map<string, string>();

function lookUp(program: string, args: string[]): string {
  const question = [program, ...args].join(' ');
  const answer = known.get(question) ?? ask(program, args);
  known.set(question, answer);
  return answer;
}

/** Where root's helpers are looked for: in the system's own folders first, whatever PATH its caller has left it. */
export function systemPath(): string {
  return `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`;
}

function ask(program: string, args: string[]): string {
  try {
    const env = { PATH: systemPath() };
    return execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
