import { BlkscopeError } from '../errors.js';
import { greatest } from '../extremes.js';
import { requireSameModel } from '../heat/expert-uses.js';
import { shownTokens } from '../heat/run-heat.js';
import { runTouches } from '../heat/run-touches.js';
import { modelAsSeen } from '../heat/seen-model.js';
import { unmodelled } from '../machine/reclaim.js';
import { type Model, readModel } from '../model/gguf.js';
import type { Run } from '../store/open-run.js';
import {
  type Advice,
  bestFirst,
  type Change,
  type ChangedConditions,
  type Foreseen,
  type MemoryPoint,
} from './changes.js';
import { changesForCopied, verdictOfCopied } from './copied.js';
import { accessPattern, type ReadPattern } from './pattern.js';
import { undisturbed } from './speed.js';
import { streamed } from './streamed.js';
import { type AdvisedRun, advisedRun, changed, pinBytes, wholeMiB } from './subject.js';
import { verdictOf } from './verdict.js';

export interface AdviseOptions {
  /** A run of the same model whose reads show its touches better: `run --profile-touches`. */
  touches?: Run;
}

/**
 * What limits a run and what would help, by a model of the page cache that is fed with what the tokens touched.
 *
 * Throws BlkscopeError: NO_HEAT (no model, or no token known); NO_ADVICE (figures that the run lacks); what readModel throws for the run's model; OTHER_MODEL.
 */
export async function advise(run: Run, { touches = run }: AdviseOptions = {}): Promise<Advice> {
  const subject = await subjectFrom(run, touches);
  const { model, weights, seenShare, measured } = subject;
  const changes = weights === 'copied' ? changesForCopied(subject) : changesFor(subject);
  const advice = {
    run: run.path,
    measured: { bytesPerToken: measured.bytesPerToken, tokensPerSecond: subject.tokensPerSecond },
    weights,
    modelled: weights === 'copied' ? null : { bytesPerToken: subject.predictor.modelled.bytesPerToken },
    bound: subject.bound,
    seenShare,
    changes: bestFirst(changes, undisturbed(subject.tokensPerSecond, subject.bound)),
    curve: curveOf(subject),
    caveat: unmodelled(run.config.machine?.reclaim),
  };
  const verdict = weights === 'copied' ? verdictOfCopied(advice, subject) : verdictOf(advice, model);
  return { ...advice, verdict };
}

/**
 * What the same model of the page cache foresees of a run with mapped weights under other conditions, one after the other, and the curve of
 * reads against memory. Throws as advise does.
 */
export async function foresee(
  run: Run,
  conditions: readonly ChangedConditions[],
): Promise<{ changes: Change[]; curve: MemoryPoint[] }> {
  const subject = await subjectFrom(run, run);
  return { changes: conditions.map((one) => changed(subject, one)), curve: curveOf(subject) };
}

interface AdvisedSubject extends AdvisedRun {
  weights: 'mapped' | 'copied';
  bound: Advice['bound'];
  tokensPerSecond: number;
  seenShare: number;
}

async function subjectFrom(run: Run, touches: Run): Promise<AdvisedSubject> {
  shownTokens(run);
  const { bound, workload, memory, model: traced } = run.summary;
  if (workload?.speculative) {
    throw new BlkscopeError(
      'NO_ADVICE',
      `${run.path}: it decoded speculatively, where a token is not one walk over the weights; advise on a run without a draft`,
    );
  }
  if (memory.stream) {
    throw new BlkscopeError(
      'NO_ADVICE',
      `${run.path}: this run was streamed, so it does not show what the kernel would have kept; name a run without --stream`,
    );
  }
  if (!bound || !workload?.tokensPerSecond || workload.bytesPerToken == null) {
    throw new BlkscopeError(
      'NO_ADVICE',
      `${run.path}: this run has no bound (an older blkscope made it, or its workload failed); make the run again`,
    );
  }
  const model = modelAsSeen(await readModel(traced?.files[0] as string), touches);
  requireSameModel(touches, model);
  if (model.experts) requireMarks(touches);
  const weights = workload.weights ?? 'mapped';
  const patterns = await readPatterns(model, touches, weights === 'copied' && touches === run);
  return {
    ...advisedRun(run, model, patterns),
    ...{ weights, bound, tokensPerSecond: workload.tokensPerSecond },
    seenShare: patterns[0]?.seenShare ?? 1,
  };
}

/**
 * Which experts a token used shows only where nearly each token has its mark. One mark may be missing of any run: on a busy
 * machine llama.cpp 0.7.0 ends before it has written its last token.
 */
export function requireMarks({ path, summary }: Pick<Run, 'path' | 'summary'>): void {
  const { marks, tokens } = summary.phases?.generation ?? {};
  if (marks == null || tokens == null || marks >= Math.min(tokens * leastMarked, tokens - 1)) return;
  throw new BlkscopeError(
    'NO_ADVICE',
    `${path}: ${marks} marks for ${tokens} tokens: which experts each token read is not known; run it with the embedded engine, which marks every token`,
  );
}

const leastMarked = 0.9;

/** The guess that is most likely; where much is guessed, also its opposite. `noneSeen`: no touch was a read. */
async function readPatterns(model: Model, touches: Run, noneSeen: boolean): Promise<ReadPattern[]> {
  const read = await runTouches(touches);
  const tokens = shownTokens(touches);
  if (noneSeen) return [accessPattern(model, read, tokens, 'any')];
  const likely = accessPattern(model, read, tokens, 'cached');
  const sure = 0.95;
  return likely.seenShare >= sure ? [likely] : [likely, accessPattern(model, read, tokens, 'any')];
}

/** Tried besides the run's own: from little over a page to what fast disks come with. */
const readAheads = [32, 128, 512, 1024, 4096, 8192];
const pinShares = [0.5, 0.75, 1];
const memoryFactors = [1.1, 1.25, 1.5];

function changesFor(subject: AdvisedRun): Change[] {
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
  return [
    ...readAhead,
    ...pins,
    ...both,
    ...streamed(subject),
    ...moreMemory(subject),
    ...moreThreads(subject),
  ];
}

/**
 * Of readaheads that are foreseen about as fast the largest: with it the kernel brings pages in by larger pieces, at less
 * work for each, which the model of the page cache does not count.
 */
function best(changes: Change[]): Change[] {
  const likely = (change: Change) => change.tokensPerSecond.likely;
  const fastest = greatest(changes.map(likely));
  const alike = changes.filter((change) => likely(change) >= fastest * 0.9);
  const readAhead = ({ conditions }: Change) => conditions.readAheadKib ?? 0;
  return alike.sort((a, b) => readAhead(b) - readAhead(a)).slice(0, 1);
}

function moreMemory(subject: AdvisedRun): Change[] {
  const { measured, model, rssAnonBytes } = subject;
  const all = measured.memoryBytes + rssAnonBytes;
  const enough = (model.bytes + rssAnonBytes) * 1.05;
  const sizes = [...memoryFactors.map((factor) => all * factor), enough].filter(
    (bytes) => bytes > all && bytes <= enough,
  );
  return sizes.map((bytes) => changed(subject, { memoryBytes: wholeMiB(bytes) }));
}

function moreThreads(subject: AdvisedRun): Change[] {
  const { threads, cpus, run, speed } = subject;
  const tokenNs = 1e9 / (run.summary.workload?.tokensPerSecond ?? 1);
  const computes = speed.computeNs > tokenNs / 4;
  return threads < cpus && computes ? [changed(subject, { threads: cpus })] : [];
}

const curveSteps = 10;

/**
 * From no memory at all, where at least each byte that a token touches is read, to the whole model's size. More memory never
 * reads more: where the simulation says otherwise, by a lucky fit of a smaller cache, the larger reads hold for both.
 */
function curveOf(subject: AdvisedRun): MemoryPoint[] {
  const { model, measured, predictor, run } = subject;
  const { readAheadKib } = measured;
  const touched = run.summary.bound?.touchedBytesPerToken ?? 0;
  const points = Array.from({ length: curveSteps }, (_, step) => {
    const memoryBytes = Math.round((model.bytes * (step + 1)) / curveSteps);
    const at = (pinnedBytes: number) => predictor.predict({ memoryBytes, readAheadKib, pinnedBytes }).bytes;
    const pinned = pinBytes(subject, readAheadKib, memoryBytes);
    const kernel = at(0);
    return { memoryBytes, kernel, pinned: pinned === null ? kernel : at(pinned) };
  });
  const [kernel, pinned] = [points.map((point) => point.kernel), points.map((point) => point.pinned)].map(
    (curve) => falling([{ low: touched, likely: touched, high: touched }, ...curve]),
  ) as [Foreseen[], Foreseen[]];
  return [0, ...points.map(({ memoryBytes }) => memoryBytes)].map((memoryBytes, i): MemoryPoint => {
    const [k, p] = [kernel[i], pinned[i]] as [Foreseen, Foreseen];
    return {
      memoryBytes,
      kernelBytesPerToken: k.likely,
      pinnedBytesPerToken: p.likely,
      kernelRange: { low: k.low, high: k.high },
      pinnedRange: { low: p.low, high: p.high },
    };
  });
}

/** Each at least as much as those after it. */
function falling(curve: readonly Foreseen[]): Foreseen[] {
  let most: Foreseen = { low: 0, likely: 0, high: 0 };
  return curve
    .toReversed()
    .map(({ low, likely, high }) => {
      most = {
        low: Math.max(most.low, low),
        likely: Math.max(most.likely, likely),
        high: Math.max(most.high, high),
      };
      return most;
    })
    .reverse();
}
