import { readdirSync, readFileSync } from 'node:fs';
import { append } from '../extremes.js';

/** A process and all its living descendants, itself first; empty when it is gone. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (let next = 0; next < tree.length; next++) append(tree, childrenOf(tree[next] as number));
  return tree.length > 1 || readProc(pid, 'stat') ? tree : [];
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // gone meanwhile, or a kernel without CONFIG_PROC_CHILDREN
  }
}

/** The text of /proc/PID/NAME; null when the process is gone or not ours to look at. */
export function readProc(pid: number | string, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}

/**
 * Sends a signal to a workload: to its process group, and to descendants that have left the group.
 *
 * The descendants are looked up first: once their parent is gone they belong to init.
 */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  const descendants = processTree(pid);
  for (const target of [-pid, ...descendants]) {
    try {
      process.kill(target, signal);
    } catch {
      // It ended by itself.
    }
  }
}
