import { readFileSync } from 'node:fs';
import { beginChanges, undoChanges } from './changes.js';
import type { Steps } from './steps.js';

/** What tracing needs to be mounted, and where it belongs. */
export const tracingMounts = [
  { type: 'debugfs', target: '/sys/kernel/debug' },
  { type: 'tracefs', target: '/sys/kernel/tracing' },
] as const;

/** Where a file system type is mounted; null: nowhere. */
export function mountedAt(type: string, mounts = readFileSync('/proc/self/mounts', 'utf8')): string | null {
  return (
    mounts
      .split('\n')
      .find((line) => line.split(' ')[2] === type)
      ?.split(' ')[1] ?? null
  );
}

/** Mounts what tracing needs and is not mounted; unmounted again by the steps' undo. */
export async function mountTracing(steps: Steps): Promise<void> {
  for (const { type, target } of tracingMounts) {
    if (mountedAt(type)) continue;
    const changes = beginChanges(steps.signals);
    steps.onUndo(`unmount ${target}`, () => undoChanges(changes));
    await steps.step(`mount ${type} on ${target}`, () => changes.mount(type, target, ''));
  }
}
