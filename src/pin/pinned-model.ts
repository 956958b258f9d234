import { BlkscopeError } from '../errors.js';
import { expertUsesOf } from '../heat/expert-uses.js';
import { modelAsSeen } from '../heat/seen-model.js';
import type { HoldOptions } from '../memory/until-held.js';
import { type Model, readModel } from '../model/gguf.js';
import type { NativeStreamFigures } from '../native/memory.js';
import { openRun } from '../store/open-run.js';
import { type Holder, hold } from './holder.js';
import { holdInCgroup } from './pin-in-cgroup.js';
import { planFromStart, planPins } from './pin-plan.js';
import type { PinPlan } from './plan.js';
import { planStream } from './stream-plan.js';

/** What of a model is held, and how. */
export interface PinOptions extends HoldOptions {
  /** The most to hold, in bytes. Default: all of the model. */
  budgetBytes?: number;
  /** A run of this model whose touches tell which experts to hold first. */
  plan?: string;
  /** `use` (default): what is used most first. `file`: from the file's start, for comparison. */
  order?: 'use' | 'file';
  /**
   * Reads what is not held ahead of each token, and drops it behind it. For dense models and one process that maps them;
   * needs the right to drop that process's pages (root).
   */
  stream?: boolean;
  /**
   * cgroup.procs of the memory cgroup that is charged for the pages. Default: our own. A page is charged to who reads
   * it first, so a process of blkscope's joins that cgroup, pins, and leaves it again.
   */
  cgroupProcsFile?: string;
}

/**
 * Parts of a model that stay in the page cache until this is closed, or its process ends.
 *
 * @example
 * await using pinned = await pin('model.gguf', { budgetBytes: '2G' });
 * await pinned.check(); // throws FILE_CHANGED when somebody wrote to it
 */
export class PinnedModel implements AsyncDisposable {
  readonly #holder: Holder;
  readonly plan: PinPlan;
  /** Held: the plan's bytes in whole pages. */
  readonly bytes: number;

  /** @internal */
  constructor(plan: PinPlan, holder: Holder) {
    this.#holder = holder;
    this.plan = plan;
    this.bytes = holder.bytes;
  }

  /**
   * Looks whether it is held as it was.
   *
   * @throws BlkscopeError FILE_CHANGED when a file was shrunk, written to, removed or replaced since; what ended a stream
   * before its time (EPERM, MEMLOCK_LIMIT, ENOSYS).
   */
  check(): Promise<void> {
    return this.#holder.check();
  }

  /** What its stream did so far; null without one. */
  streamed(): Promise<NativeStreamFigures | null> {
    return this.#holder.streamed();
  }

  /** Lets go of the pages; the kernel keeps them as long as it likes. Does nothing the second time. */
  close(): Promise<void> {
    return this.#holder.release();
  }

  /** `await using`: see `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Holds the best part of a model in the page cache, for any program that maps or reads it.
 *
 * @throws BlkscopeError: NO_HEADROOM (it would starve the machine), MEMLOCK_LIMIT, FILE_CHANGED, NO_HEAT, what
 * readModel throws; the signal's reason when aborted. Nothing stays locked then.
 */
export async function pin(model: Model | string, options: PinOptions = {}): Promise<PinnedModel> {
  options.signal?.throwIfAborted();
  const known = typeof model === 'string' ? await readModel(model) : model;
  const plan = await pinPlan(known, options);
  if (plan.bytes === 0 && !plan.stream)
    throw new BlkscopeError(
      'NOTHING_TO_PIN',
      `${known.path} lists no weights that a token uses: there is nothing to hold`,
    );
  const holder = options.cgroupProcsFile
    ? await holdInCgroup(plan, options.cgroupProcsFile, options)
    : await hold(plan, options);
  return new PinnedModel(plan, holder);
}

/** What pin would hold, without holding it. */
export async function pinPlan(
  model: Model,
  { budgetBytes, plan, order, stream }: PinOptions = {},
): Promise<PinPlan> {
  const budget = budgetBytes ?? model.bytes;
  if (!(budget > 0)) throw new BlkscopeError('BAD_SIZE', 'pin: a budget of 0 bytes holds nothing; give more');
  if (order === 'file' && !stream) return planFromStart(model, budget);
  if (plan === undefined) return stream ? planStream(model, budget) : planPins(model, budget);
  await using run = await openRun(plan);
  const seen = modelAsSeen(model, run);
  return stream ? planStream(seen, budget) : planPins(seen, budget, await expertUsesOf(run, seen));
}
