import { availableParallelism } from 'node:os';
import { memoryForModel, ownMemory } from '../bound/bound.js';
import { BlkscopeError } from '../errors.js';
import { formatSize, threeDigits } from '../memory/size.js';
import type { Model } from '../model/gguf.js';
import { native } from '../native/binding.js';
import { automaticPinBytes } from '../pin/automatic-size.js';
import type { Run } from '../store/open-run.js';
import type { Change, ChangedConditions, Foreseen } from './changes.js';
import type { ReadPattern } from './pattern.js';
import { type Measured, type Prediction, Predictor } from './predictor.js';
import { type SpeedModel, speedModel } from './speed.js';

/** From this share of a token's time on, compute is what limits it. */
export const computeBound = 0.8;

/** Everything that advice on a run is made from. */
export interface AdvisedRun {
  run: Run;
  model: Model;
  measured: Measured;
  speed: SpeedModel;
  predictor: Predictor;
  /** The workload's own memory, without copies of weights. */
  rssAnonBytes: number;
  threads: number;
  cpus: number;
}

/** Of the machine that made it; runs of older versions do not tell. */
export function pageBytesOf({ config }: Run): number {
  return config.machine?.pageBytes ?? native.pageBytes();
}

/** `run` has a bound. */
export function advisedRun(run: Run, model: Model, patterns: readonly ReadPattern[]): AdvisedRun {
  const { memory, workload } = run.summary;
  const pageBytes = pageBytesOf(run);
  const measured: Measured = {
    pageBytes,
    memoryBytes: memoryForModel(run.summary) as number,
    readAheadKib: memory.readAheadKib ?? 128,
    pinnedBytes: memory.pinnedBytes,
    bytesPerToken: workload?.bytesPerToken ?? 0,
    fromDisk: workload?.weights !== 'copied',
  };
  const speed = speedModel(run.summary, pageBytes) as SpeedModel;
  const { threads } = (run.config.options?.workload ?? {}) as { threads?: number };
  const cpus = run.config.machine?.cpus ?? threads ?? availableParallelism();
  return {
    ...{ run, model, measured, speed, cpus },
    predictor: new Predictor(model, measured, patterns, speed),
    rssAnonBytes: ownMemory(run.summary) ?? 0,
    threads: threads ?? cpus,
  };
}

/** What `--pin auto` would hold; null when nothing would be left for it. */
export function pinBytes(
  { model, rssAnonBytes, threads }: AdvisedRun,
  readAheadKib: number,
  forModel: number,
  streamWindowBytes?: number,
): number | null {
  try {
    const memoryBytes = forModel + rssAnonBytes;
    return automaticPinBytes({
      ...{ memoryBytes, rssAnonBytes, readAheadKib, threads, modelBytes: model.bytes },
      ...(streamWindowBytes === undefined ? {} : { streamWindowBytes }),
    });
  } catch (error) {
    if (error instanceof BlkscopeError && error.code === 'NO_ROOM_TO_PIN') return null;
    throw error;
  }
}

/** `compute`: of the run's own, what a token takes. */
export function changed(
  subject: AdvisedRun,
  conditions: ChangedConditions,
  compute = threadsFactor(subject, conditions.threads ?? subject.threads),
): Change {
  const { measured, rssAnonBytes, predictor } = subject;
  const memoryBytes =
    conditions.memoryBytes === undefined ? measured.memoryBytes : conditions.memoryBytes - rssAnonBytes;
  const prediction = predictor.predict({
    memoryBytes,
    readAheadKib: conditions.readAheadKib ?? measured.readAheadKib,
    pinnedBytes: conditions.pinBytes ?? measured.pinnedBytes,
    compute,
  });
  return {
    title: titleOf(conditions),
    conditions,
    bytesPerToken: prediction.bytes,
    tokensPerSecond: prediction.tokensPerSecond,
    reason: reasonOf(subject, conditions, prediction),
  };
}

/** How much of its compute a token then takes: threads share it evenly at best, and at worst wait for the same memory. */
export function threadsFactor(subject: AdvisedRun, threads: number): Foreseen {
  const even = subject.threads / threads;
  return { low: even, likely: even, high: Math.max(even, 1) };
}

export function titleOf({ readAheadKib, pinBytes, stream, memoryBytes, threads }: ChangedConditions): string {
  const parts = [];
  if (readAheadKib !== undefined) parts.push(`readahead ${readAheadKib} KiB`);
  if (pinBytes !== undefined) parts.push(`${formatSize(pinBytes)} pinned`);
  if (stream) parts.push('the rest streamed');
  if (memoryBytes !== undefined) parts.push(`memory ${formatSize(memoryBytes)}`);
  if (threads !== undefined) parts.push(`${threads} threads`);
  return parts.join(', ');
}

function reasonOf(
  subject: AdvisedRun,
  { readAheadKib, pinBytes, memoryBytes, threads }: ChangedConditions,
  { bytes, unusedBytes }: Prediction,
): string {
  if (threads !== undefined) return computeReason(subject);
  const { predictor, measured } = subject;
  const unusedNow = predictor.modelled.unusedBytesPerToken;
  const parts = [];
  if (readAheadKib !== undefined && unusedNow - unusedBytes > measured.bytesPerToken / 20)
    parts.push(
      `readahead unused ${formatSize(Math.round(unusedNow))} -> ${formatSize(Math.round(unusedBytes))} a token`,
    );
  if (readAheadKib !== undefined && readAheadKib > measured.readAheadKib)
    parts.push('fewer waits for the disk');
  if (pinBytes !== undefined && bytes.likely < measured.bytesPerToken)
    parts.push('what is held leaves the cycle of eviction');
  if (memoryBytes !== undefined) parts.push('more of the model stays');
  // More memory reads no more: where the model says so, it is the model that is off.
  if (memoryBytes === undefined && bytes.likely > measured.bytesPerToken * 1.02)
    parts.push(
      pinBytes === undefined ? 'reads more' : 'reads more: the pin takes memory from what eviction keeps',
    );
  return parts.join('; ') || 'next to no difference';
}

/** Says how far compute is the limit, where threads would share it. */
export function computeReason({ run, speed }: AdvisedRun): string {
  const share = (speed.computeNs * (run.summary.workload?.tokensPerSecond ?? 0)) / 1e9;
  const bound = share > computeBound ? 'compute-bound: ' : '';
  return `${bound}compute takes ${`${threeDigits(100 * Math.min(1, share))} %`} of a token`;
}

export function wholeMiB(bytes: number): number {
  return Math.max(1, Math.floor(bytes / 2 ** 20)) * 2 ** 20;
}
