import { availableParallelism } from 'node:os';
import { memoryForModel } from '../bound/bound.js';
import { BlkscopeError } from '../errors.js';
import { requireSameModel } from '../heat/expert-uses.js';
import { knownTokens } from '../heat/run-heat.js';
import { runTouches } from '../heat/run-touches.js';
import { formatSize } from '../memory/size.js';
import { type Model, readModel } from '../model/gguf.js';
import { automaticPinBytes } from '../pin/automatic-size.js';
import type { Run } from '../store/open-run.js';
import type { Advice, Change, ChangedConditions, CurvePoint } from './changes.js';
import { accessPattern, type ReadPattern } from './pattern.js';
import { type Measured, type Prediction, Predictor } from './predictor.js';
import { type SpeedModel, speedModel } from './speed.js';
import { verdictOf } from './verdict.js';

export interface AdviseOptions {
  /** A run of the same model whose reads show its touches better: `run --profile-touches`. */
  touches?: Run;
}

/** Everything that advice on a run is made from. */
interface Subject {
  run: Run;
  model: Model;
  measured: Measured;
  speed: SpeedModel;
  predictor: Predictor;
  /** The workload's own memory, and its threads. */
  rssAnonBytes: number;
  threads: number;
}

/**
 * What limits a run and what would help, by a model of the page cache that is fed with what the tokens touched.
 *
 * Throws BlkscopeError: NO_HEAT (no model, or no token known); NO_ADVICE (copied weights, or figures that the run lacks);
 * what readModel throws for the run's model; OTHER_MODEL.
 */
export async function advise(run: Run, { touches = run }: AdviseOptions = {}): Promise<Advice> {
  knownTokens(run);
  const { bound, workload, model: traced } = run.summary;
  if (workload?.weights === 'copied') {
    throw new BlkscopeError(
      'NO_ADVICE',
      `${run.path}: the weights were copied into anonymous memory, so neither page cache nor readahead matters; run llama.cpp with --no-repack (blkscope's default) and weights that stay mapped`,
    );
  }
  if (!bound || !workload?.tokensPerSecond || workload.bytesPerToken == null) {
    throw new BlkscopeError(
      'NO_ADVICE',
      `${run.path}: it has no bound (made before blkscope measured disks, or the workload failed); make the run anew`,
    );
  }
  const model = await readModel(traced?.files[0] as string);
  requireSameModel(touches, model);
  const patterns = await readPatterns(model, touches);
  const measured: Measured = {
    memoryBytes: memoryForModel(run.summary) as number,
    readAheadKib: run.summary.memory.readAheadKib ?? 128,
    pinnedBytes: run.summary.memory.pinnedBytes,
    bytesPerToken: workload.bytesPerToken,
  };
  const speed = speedModel(run.summary) as SpeedModel;
  const predictor = new Predictor(model, measured, patterns, speed);
  const { threads } = (run.config.options?.workload ?? {}) as { threads?: number };
  const subject: Subject = {
    ...{ run, model, measured, speed, predictor },
    rssAnonBytes: workload.rssAnonBytes ?? 0,
    threads: threads ?? run.config.machine?.cpus ?? availableParallelism(),
  };
  const changes = changesFor(subject).sort((a, b) => b.tokensPerSecond.likely - a.tokensPerSecond.likely);
  const advice = {
    run: run.path,
    measured: { bytesPerToken: workload.bytesPerToken, tokensPerSecond: workload.tokensPerSecond },
    modelled: { bytesPerToken: predictor.modelled.bytesPerToken },
    bound,
    seenShare: patterns[0]?.seenShare ?? 1,
    changes,
    curve: curveOf(subject),
  };
  return { ...advice, verdict: verdictOf(advice, model) };
}

/** The guess that is most likely; where much is guessed, also its opposite. */
async function readPatterns(model: Model, touches: Run): Promise<ReadPattern[]> {
  const read = await runTouches(touches);
  const tokens = knownTokens(touches);
  const likely = accessPattern(model, read, tokens, 'cached');
  const sure = 0.95;
  return likely.seenShare >= sure ? [likely] : [likely, accessPattern(model, read, tokens, 'any')];
}

/** Tried besides the run's own: from little over a page to what fast disks come with. */
const readAheads = [32, 128, 512, 1024, 4096, 8192];
const pinShares = [0.5, 0.75, 1];
const memoryFactors = [1.1, 1.25, 1.5];

function changesFor(subject: Subject): Change[] {
  const { measured } = subject;
  const others = readAheads.filter((kib) => kib !== measured.readAheadKib);
  const readAhead = best(others.map((readAheadKib) => changed(subject, { readAheadKib })));
  const pins = pinShares.flatMap((share) => {
    const auto = pinBytes(subject, measured.readAheadKib, measured.memoryBytes);
    return auto === null ? [] : [changed(subject, { pinBytes: wholeMiB(auto * share) })];
  });
  const both = best(
    others.flatMap((readAheadKib) => {
      const auto = pinBytes(subject, readAheadKib, measured.memoryBytes);
      return auto === null ? [] : [changed(subject, { readAheadKib, pinBytes: wholeMiB(auto) })];
    }),
  );
  return [...readAhead, ...pins, ...both, ...moreMemory(subject), ...moreThreads(subject)];
}

function best(changes: Change[]): Change[] {
  return changes.sort((a, b) => b.tokensPerSecond.likely - a.tokensPerSecond.likely).slice(0, 1);
}

function moreMemory(subject: Subject): Change[] {
  const { measured, model, rssAnonBytes } = subject;
  const all = measured.memoryBytes + rssAnonBytes;
  const enough = (model.bytes + rssAnonBytes) * 1.05;
  const sizes = [...memoryFactors.map((factor) => all * factor), enough].filter(
    (bytes) => bytes > all && bytes <= enough,
  );
  return sizes.map((bytes) => changed(subject, { memoryBytes: wholeMiB(bytes) }));
}

function moreThreads(subject: Subject): Change[] {
  const { threads, run, speed } = subject;
  const cpus = run.config.machine?.cpus ?? threads;
  const tokenNs = 1e9 / (run.summary.workload?.tokensPerSecond ?? 1);
  const computes = speed.computeNs > tokenNs / 4;
  return threads < cpus && computes ? [changed(subject, { threads: cpus })] : [];
}

/** What `--pin auto` would hold; null when nothing would be left for it. */
function pinBytes(
  { model, rssAnonBytes, threads }: Subject,
  readAheadKib: number,
  forModel: number,
): number | null {
  try {
    const memoryBytes = forModel + rssAnonBytes;
    return automaticPinBytes({ memoryBytes, rssAnonBytes, readAheadKib, threads, modelBytes: model.bytes });
  } catch (error) {
    if (error instanceof BlkscopeError && error.code === 'NO_ROOM_TO_PIN') return null;
    throw error;
  }
}

function changed(subject: Subject, conditions: ChangedConditions): Change {
  const { measured, rssAnonBytes, predictor, threads, speed } = subject;
  const memoryBytes =
    conditions.memoryBytes === undefined ? measured.memoryBytes : conditions.memoryBytes - rssAnonBytes;
  const faster = conditions.threads === undefined ? 1 : threads / conditions.threads;
  const prediction = predictor.predict({
    memoryBytes,
    readAheadKib: conditions.readAheadKib ?? measured.readAheadKib,
    pinnedBytes: conditions.pinBytes ?? measured.pinnedBytes,
    computeNs: speed.computeNs * faster,
  });
  return {
    title: titleOf(conditions),
    conditions,
    bytesPerToken: prediction.bytes,
    tokensPerSecond: prediction.tokensPerSecond,
    reason: reasonOf(subject, conditions, prediction),
  };
}

function titleOf({ readAheadKib, pinBytes, memoryBytes, threads }: ChangedConditions): string {
  const parts = [];
  if (readAheadKib !== undefined) parts.push(`readahead ${readAheadKib} KiB`);
  if (pinBytes !== undefined) parts.push(`${formatSize(pinBytes)} pinned`);
  if (memoryBytes !== undefined) parts.push(`memory ${formatSize(memoryBytes)}`);
  if (threads !== undefined) parts.push(`${threads} threads`);
  return parts.join(', ');
}

function reasonOf(
  { predictor, measured }: Subject,
  { readAheadKib, pinBytes, memoryBytes, threads }: ChangedConditions,
  { bytes, unusedBytes }: Prediction,
): string {
  if (threads !== undefined) return 'compute takes a large part of a token';
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
  if (bytes.likely > measured.bytesPerToken * 1.02)
    parts.push('reads more: it takes memory from what eviction keeps');
  return parts.join('; ') || 'next to no difference';
}

const curveSteps = 10;

/** From no memory at all, where each byte that a token touches is read, to the whole model's size. */
function curveOf(subject: Subject): CurvePoint[] {
  const { model, measured, predictor, run } = subject;
  const { readAheadKib } = measured;
  const touched = run.summary.bound?.touchedBytesPerToken ?? 0;
  const none = { memoryBytes: 0, kernelBytesPerToken: touched, pinnedBytesPerToken: touched };
  const points = Array.from({ length: curveSteps }, (_, step): CurvePoint => {
    const memoryBytes = Math.round((model.bytes * (step + 1)) / curveSteps);
    const at = (pinnedBytes: number) =>
      predictor.predict({ memoryBytes, readAheadKib, pinnedBytes }).bytes.likely;
    const pinned = pinBytes(subject, readAheadKib, memoryBytes);
    const kernelBytesPerToken = at(0);
    return {
      memoryBytes,
      kernelBytesPerToken,
      pinnedBytesPerToken: pinned === null ? kernelBytesPerToken : at(pinned),
    };
  });
  return [none, ...points];
}

function wholeMiB(bytes: number): number {
  return Math.max(1, Math.floor(bytes / 2 ** 20)) * 2 ** 20;
}
