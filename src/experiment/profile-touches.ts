import { BlkscopeError } from '../errors.js';
import { removeOwn } from '../files/write.js';
import { beginChanges, undoChanges } from '../machine/changes.js';
import type { Progress } from '../machine/progress.js';
import type { SignalOptions } from '../machine/put-back.js';
import type { Steps } from '../machine/steps.js';
import { MemoryCgroup } from '../memory/cgroup.js';
import { formatSize } from '../memory/size.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { ownMemory } from './own-memory.js';

/** Page tables and what a process maps besides: nothing runs in less than this above its own memory. */
const leastRoomBytes = 12 * 2 ** 20;
const roomFactor = 1.5;
const mostTries = 8;

/**
 * The smallest limit under which the workload makes a token: what it keeps of the model from one token to the next is
 * then least, and a trace shows nearly every touch. Found by running one token under one limit after another.
 *
 * Throws BlkscopeError NO_LIMIT_WORKS.
 */
export async function smallestLimit(
  engine: Engine,
  workload: WorkloadOptions,
  steps: Steps,
  progress: Progress,
): Promise<number> {
  return await steps.step('find the smallest memory that works', async () => {
    const own = await ownMemory(engine, workload);
    let room = leastRoomBytes;
    for (let tries = 0; tries < mostTries; tries++, room *= roomFactor) {
      const limitBytes = Math.ceil(own + room);
      progress.update(`try ${tries + 1} of at most ${mostTries}: ${formatSize(limitBytes)}`);
      if (await runsUnder(limitBytes, engine, workload, steps.signals)) return limitBytes;
      workload.signal?.throwIfAborted();
    }
    throw new BlkscopeError(
      'NO_LIMIT_WORKS',
      `--profile-touches: the workload fails with a limit of ${formatSize(own + room)} too; check that it runs without a limit`,
      'workload',
    );
  });
}

async function runsUnder(
  limitBytes: number,
  engine: Engine,
  workload: WorkloadOptions,
  signals: SignalOptions,
): Promise<boolean> {
  const changes = beginChanges(signals);
  const log = `${workload.log}.probe`;
  try {
    const { procsFile } = MemoryCgroup.create(changes, limitBytes);
    const running = await engine.start({
      ...workload,
      tokens: 2,
      log,
      launch: { cgroupProcsFile: procsFile },
    });
    return (await running.done).exitCode === 0;
  } finally {
    undoChanges(changes);
    removeOwn(log);
  }
}
