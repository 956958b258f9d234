import type { Progress } from '../machine/progress.js';
import type { Steps } from '../machine/steps.js';
import { availableMemory } from '../memory/locked-memory.js';
import type { Pressure } from '../memory/pressure.js';
import type { Model } from '../model/gguf.js';
import { native } from '../native/binding.js';
import { automaticPinBytes, checkPinFits } from '../pin/automatic-size.js';
import { type PinnedModel, type PinOptions, pin } from '../pin/pinned-model.js';
import { streamWindowBytes } from '../pin/stream-plan.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { threadsOf } from '../workload/resolved.js';
import { ownMemory } from './own-memory.js';
import { given } from './trace-options.js';

/** What of the model is held in the page cache during a run. */
export interface PinRequest {
  /** `auto`: what leaves the workload its own memory and room for readahead, found by running one token. */
  bytes: number | 'auto';
  /** A run of this model whose touches tell which experts to hold first; of a dense model it changes nothing. */
  plan?: string;
  /** See PinOptions. */
  order?: 'use' | 'file';
  /** See PinOptions. */
  stream?: boolean;
}

export interface PinInput {
  request: PinRequest;
  model: Model;
  engine: Engine;
  workload: WorkloadOptions;
  pressure: Pressure;
  readAheadKib: number;
  /** Brings the page cache back into the state that the run asked for. */
  resetCache: () => Promise<void>;
}

/** Pins the model as a step of a run, undone with it; charged to the workload's cgroup where it has one. */
export async function pinModel(input: PinInput, steps: Steps, progress: Progress): Promise<PinnedModel> {
  const { request, model, pressure, workload } = input;
  const budgetBytes = request.bytes === 'auto' ? await automaticSize(input, steps) : request.bytes;
  const window = request.stream ? streamWindowBytes(model) : 0;
  if (pressure.cgroup)
    checkPinFits(
      Math.min(budgetBytes, model.bytes) + window,
      pressure.cgroup.limitBytes,
      request.stream ?? false,
    );
  const what = request.stream
    ? 'pin the model in the page cache, stream the rest'
    : 'pin the model in the page cache';
  const pinned = await steps.step(what, () =>
    pin(model, {
      budgetBytes,
      onProgress: (text) => progress.update(text),
      ...askedOfPin(request),
      ...given({
        cgroupProcsFile: pressure.cgroup?.procsFile,
        signal: workload.signal,
      }),
    }),
  );
  steps.onUndo('let go of the pinned model', async () => {
    await pinned[Symbol.asyncDispose]();
  });
  return pinned;
}

/** What of a pin is to be held first, and how; without its size. */
export function askedOfPin({
  plan,
  order,
  stream,
}: PinRequest): Pick<PinOptions, 'plan' | 'order' | 'stream'> {
  return given({ plan, order, stream });
}

async function automaticSize(input: PinInput, steps: Steps): Promise<number> {
  const { engine, workload, pressure, readAheadKib, model, request } = input;
  const rssAnonBytes = await steps.step('run one token to measure the memory of the workload', () =>
    ownMemory(engine, workload),
  );
  await input.resetCache();
  const memoryBytes = pressure.cgroup?.limitBytes ?? availableMemory() - native.safeRest();
  const threads = threadsOf(workload);
  return automaticPinBytes({
    ...{ memoryBytes, rssAnonBytes, readAheadKib, threads, modelBytes: model.bytes },
    ...(request.stream ? { streamWindowBytes: streamWindowBytes(model) } : {}),
  });
}
