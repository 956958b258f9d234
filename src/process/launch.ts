import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { BlkscopeError } from '../errors.js';
import { type Caller, callerEnvironment, sudoCaller, systemPath } from '../files/caller.js';
import { workloadEnvironment } from './environment.js';
import { HandedEnvironment, rootsEnvironment, takeEnvironment } from './handed-environment.js';
import { ownOomScore } from './oom-protection.js';
import { signalTree } from './process-tree.js';
import { inPath } from './programs.js';

/** Where and as whom a workload runs. */
export interface LaunchOptions {
  /**
   * cgroup.procs of the memory cgroup it joins before it becomes the workload, so that all its memory is
   * charged.
   */
  cgroupProcsFile?: string;
  /** Default: the user who called sudo. null: stay who we are. */
  user?: Caller | null;
  /** Default: blkscope's own. */
  cwd?: string;
  /** Set on top of what a workload gets of blkscope's own environment; see environment.ts. */
  env?: Record<string, string>;
  /** Root's own workload, with no other user to drop to, keeps the one capability to lock memory. Default false. */
  locksMemory?: boolean;
  /** A process of blkscope's own: it keeps our rights and our environment. Default false. */
  ours?: boolean;
  /** A descriptor of ours that it gets too, and the variable of its environment that holds the number it has there. */
  inherited?: { fd: number; variable: string };
  /**
   * Called with the process's id when it is there and not yet the program: what watches it then misses nothing of it. What this
   * throws ends the process, and is what the start fails with.
   */
  onSpawn?: (pid: number) => void;
}

/** Which of the child's streams go where: a file descriptor it writes to itself, or a pipe to us. */
export interface ChildStreams {
  stdout: number;
  stderr: number | 'pipe';
  /** A Node process of ours that talks to us by messages: one with a user's rights could send what Node cannot read. */
  messages?: boolean;
  /** The writing end of a pipe, for what it reports: its own `reportsDescriptor`. Not with `messages`. */
  reports?: number;
}

/** The number that a child's pipe for reports has there. */
export const reportsDescriptor = 3;

/** A started child and the time just before it was made. */
export interface LaunchedChild {
  child: ChildProcess;
  pid: number;
  startedAt: bigint;
}

const ownRunning = new Set<number>();

/** The processes of blkscope's own that run beside it now: what they take of the machine is ours, not others'. */
export function ownChildren(): number[] {
  return [...ownRunning];
}

/**
 * Starts `argv` in a session of its own: a shell joins the cgroup, setpriv drops to the user and asks for
 * SIGKILL when blkscope dies, a second shell takes the environment, and then becomes the program. Each step execs the
 * next, so the process id stays the same throughout.
 *
 * The order matters: only root may write cgroup.procs, and the kernel forgets a parent-death signal on a
 * change of user, so setpriv asks for it last. And what runs as root gets none of the environment that a user chose:
 * LD_PRELOAD would be root's.
 */
export async function launch(
  argv: string[],
  options: LaunchOptions,
  streams: ChildStreams,
): Promise<LaunchedChild> {
  const caller = options.ours ? null : options.user === undefined ? sudoCaller() : options.user;
  const stdio: StdioOptions = [
    options.onSpawn ? 'pipe' : 'ignore',
    streams.stdout,
    streams.stderr,
    ...(streams.messages ? ['ipc' as const] : []),
    ...(streams.reports === undefined ? [] : [streams.reports]),
  ];
  const inherited = options.inherited ? { [options.inherited.variable]: `${stdio.length}` } : {};
  if (options.inherited) stdio.push(options.inherited.fd);
  const own = { ...options.env, ...inherited };
  const handed = options.ours
    ? null
    : new HandedEnvironment({
        ...workloadEnvironment(),
        ...(caller ? callerEnvironment(caller.uid) : {}),
        ...own,
      });
  if (handed) stdio.push(handed.reader);
  const takingIt = handed ? takeEnvironment(stdio.length - 1) : [];
  const [shell, args] = shellCommand([...privilegeCommand(caller, options), ...takingIt, ...argv], options);
  const startedAt = process.hrtime.bigint();
  const child = spawn(shell, args, {
    cwd: options.cwd,
    env: handed ? rootsEnvironment : { ...process.env, ...own },
    stdio,
    detached: true, // setsid: the terminal's Ctrl-C reaches blkscope, which ends the workload in its own order
    serialization: 'advanced',
  });
  handed?.send();
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(cannotStart(argv, error)));
  });
  const pid = child.pid as number;
  child.once('exit', guardAgainstOwnDeath(pid));
  if (options.ours) {
    ownRunning.add(pid);
    child.once('exit', () => ownRunning.delete(pid));
  }
  if (options.onSpawn) letGo(child, pid, options.onSpawn);
  return { child, pid, startedAt };
}

/** The shell waits for a line before it goes on. */
function letGo({ stdin }: ChildProcess, pid: number, onSpawn: (pid: number) => void): void {
  try {
    stdin?.on('error', () => {}); // of a shell that has ended already, its exit tells
    onSpawn(pid);
    stdin?.end('\n');
  } catch (error) {
    signalTree(pid, 'SIGKILL');
    throw error;
  }
}

/** Exit code of the shell below when the child could not join its cgroup. */
const cgroupFailed = 125;

function shellCommand(argv: string[], options: LaunchOptions): [string, string[]] {
  const script = [
    // The tracer is protected from the out-of-memory killer; what it starts is not.
    `[ ! -w /proc/self/oom_score_adj ] || echo ${ownOomScore()} 2>/dev/null >/proc/self/oom_score_adj`,
    `if [ -n "$1" ]; then echo $$ >"$1" || { echo "blkscope: cannot join the cgroup $1" >&2; exit ${cgroupFailed}; }; fi`,
    'shift',
    ...(options.onSpawn ? ['read -r _', 'exec "$@" </dev/null'] : ['exec "$@"']),
  ].join('\n');
  return ['/bin/sh', ['-c', script, 'sh', options.cgroupProcsFile ?? '', ...argv]];
}

/**
 * What to put before a program's own command line so that it runs as `caller` (null: as we are) and ends with
 * us. Unless it is `ours`, it cannot gain rights, and has no capabilities, whoever it runs as.
 */
export function privilegeCommand(
  caller: Caller | null,
  { ours = false, locksMemory = false }: Pick<LaunchOptions, 'ours' | 'locksMemory'> = {},
): string[] {
  const root = process.geteuid?.() === 0;
  const drop = [
    ...(caller && root ? dropArguments(caller) : []),
    ...(ours ? [] : ['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all']),
    ...(ours || !root ? [] : [`--bounding-set=-all${locksMemory && !caller ? ',+ipc_lock' : ''}`]),
  ];
  const setpriv = findSetpriv();
  if (!setpriv && root && !ours) {
    throw new BlkscopeError(
      'NO_SETPRIV',
      'the workload must not run with the rights of root, and setpriv, which takes them from it, is missing: install util-linux',
      'unsupported',
    );
  }
  return setpriv ? [setpriv, ...drop, '--pdeathsig', 'KILL', '--'] : [];
}

function dropArguments({ uid, gid, groups }: Caller): string[] {
  const supplementary = groups?.length ? ['--groups', groups.join(',')] : ['--clear-groups'];
  return ['--reuid', String(uid), '--regid', String(gid), ...supplementary];
}

let setprivFound: string | null | undefined;

/** util-linux's setpriv of 2018 or later; busybox has one that can do neither of what it is needed for. */
function findSetpriv(): string | null {
  if (setprivFound === undefined) {
    const path = inPath('setpriv', systemPath());
    setprivFound = path && printsPdeathsig(path) ? path : null;
  }
  return setprivFound;
}

function printsPdeathsig(setpriv: string): boolean {
  try {
    return execFileSync(setpriv, ['--help'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).includes('pdeathsig');
  } catch {
    return false;
  }
}

/**
 * A parent-death signal reaches the child alone, not what it has started. A shell that waits for a word from
 * us ends the whole group when none can come any more, even if we were killed. Returns what calls the guard
 * off.
 */
function guardAgainstOwnDeath(pid: number): () => void {
  const guard = spawn('/bin/sh', ['-c', 'read -r word; kill -s KILL -- "-$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => {}); // without a guard the parent-death signal is what is left
  guard.unref();
  return () => {
    guard.kill('SIGKILL');
    signalTree(pid, 'SIGKILL'); // what the workload has left running in its group
  };
}

function cannotStart(argv: string[], error: NodeJS.ErrnoException): BlkscopeError {
  return new BlkscopeError('CANNOT_START', `${argv[0]}: cannot be started: ${error.message}`, 'workload', {
    cause: error,
  });
}
