import { accessPattern } from '../advise/pattern.js';
import { type BlockTouches, blockTouches, cacheOf, refreshShares } from '../advise/simulate.js';
import { type SpeedModel, speedModel } from '../advise/speed.js';
import { pageBytesOf } from '../advise/subject.js';
import { memoryForModel } from '../bound/bound.js';
import { BlkscopeError } from '../errors.js';
import { requireSameModel } from '../heat/expert-uses.js';
import { shownTokens } from '../heat/run-heat.js';
import { runTouches } from '../heat/run-touches.js';
import { unmodelled } from '../machine/reclaim.js';
import { readModel } from '../model/gguf.js';
import { native } from '../native/binding.js';
import type { NativeCurve, NativeCurveOptions } from '../native/touches.js';
import type { Run } from '../store/open-run.js';
import type { Curve, CurvePoint, ExpertReads } from './curve-result.js';
import { bytesBesideExperts, type ExpertTouches, expertTouches } from './touch-columns.js';
import { blockVerdict, expertVerdict } from './verdict.js';

/** What a curve is made for. */
export interface CurveOptions {
  /** Memories for the model to ask for, in bytes. Default: ten steps up to the model's size, and the run's own. */
  memory?: readonly number[];
  /** Of the kernel's cache. Default: the run's own. */
  readAheadKib?: number;
}

/** Of touched blocks: more take long, and tell nothing more. */
const mostTouches = 50_000_000;
const steps = 10;
const windows = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/**
 * What memories of different sizes would read for a token of this run's model, by policy of eviction: from what its tokens
 * touched. The earlier half of the tokens fills the caches and chooses what is pinned; the later half is counted.
 *
 * Throws BlkscopeError: NO_HEAT (no model, or no token known); OTHER_MODEL (the file was changed); what readModel throws.
 */
export async function curve(run: Run, options: CurveOptions = {}): Promise<Curve> {
  const tokens = shownTokens(run);
  const model = await readModel(run.summary.model?.files[0] as string);
  requireSameModel(run, model);
  const touches = await runTouches(run);
  const perToken = model.bytes / 16384;
  const most = Math.max(2, Math.min(tokens, Math.floor(mostTouches / perToken)));
  const seen = accessPattern(model, touches, tokens, 'cached', most);
  const ownMemory = memoryForModel(run.summary);
  const memories = memoriesOf(model.bytes, ownMemory, options.memory);
  const pageBytes = pageBytesOf(run);
  const speed = speedModel(run.summary, pageBytes);
  const readAheadKib = options.readAheadKib ?? run.summary.memory.readAheadKib ?? 128;
  const blocks = await blockCurve(blockTouches(seen.pattern, pageBytes), memories, readAheadKib, speed);
  const experts = expertTouches(seen.pattern);
  const besides = bytesBesideExperts(seen.pattern);
  const expertReads = experts
    ? await expertCurve(
        experts,
        memories.map((memory) => memory - besides),
      )
    : memories.map(() => null);
  const points = memories.map(
    (memory, i): CurvePoint => ({
      memory,
      blocks: blocks.reads[i] as CurvePoint['blocks'],
      experts: expertReads[i] ?? null,
    }),
  );
  const told = { of: run.path, unit: 'bytes' as const, ...blocks.told, points, ownMemory };
  return {
    ...told,
    seenShare: seen.seenShare,
    verdict: blockVerdict(told),
    caveat: unmodelled(run.config.machine?.reclaim),
  };
}

/** The curve of a run that watched what tokens use; null: it did not, or its model is not there any more. */
export async function watchedCurve(run: Run): Promise<Curve | null> {
  if (!run.summary.touches || !run.hasTrace) return null;
  try {
    return await curve(run);
  } catch (error) {
    if (error instanceof BlkscopeError) return null;
    throw error;
  }
}

/**
 * The same of routes alone: caches of whole experts, `bytes` each (left out: memory is counted in experts).
 */
export async function routesCurve(
  path: string,
  touches: ExpertTouches,
  memory: readonly number[] | undefined,
  unit: Curve['unit'],
): Promise<Curve> {
  const tokens = touches.tokenStarts.length;
  if (tokens < 2) {
    throw new BlkscopeError(
      'BAD_ROUTES',
      `${path}: a curve needs the routes of two tokens or more, this has ${tokens}`,
    );
  }
  const whole = Number(touches.bytes.reduce((sum, bytes) => sum + bytes, 0n));
  const memories = memoriesOf(whole, null, memory);
  const reads = await expertCurve(touches, memories);
  const counted = await native.touchCurve({
    ...curveInput(touches),
    ...{ capacities: new BigUint64Array(0), policies: [] },
  });
  const points = memories.map(
    (each, i): CurvePoint => ({ memory: each, blocks: null, experts: reads[i] ?? null }),
  );
  const told = { of: path, unit, ...toldOf(counted, touches.tokenStarts, 1), points, ownMemory: null };
  return { ...told, seenShare: 1, verdict: expertVerdict(told), caveat: null };
}

function memoriesOf(whole: number, own: number | null, asked: readonly number[] | undefined): number[] {
  if (asked?.length) return [...new Set(asked)].sort((a, b) => a - b);
  const even = Array.from({ length: steps }, (_, step) => Math.round((whole * (step + 1)) / steps));
  const ownPoint = own !== null && own < whole ? [Math.floor(own)] : [];
  return [...new Set([...even, ...ownPoint])].sort((a, b) => a - b);
}

async function blockCurve(
  { blockBytes, blocks, items, tokenStarts }: BlockTouches,
  memories: readonly number[],
  readAheadKib: number,
  speed: SpeedModel | null,
) {
  const figures = await native.touchCurve({
    ...{ items, itemCount: blocks, ...playedIn(tokenStarts) },
    capacities: BigUint64Array.from(memories, (memory) => BigInt(Math.floor(memory / blockBytes))),
    policies: ['kernel', 'pins', 'belady'],
    ...cacheOf(readAheadKib, blockBytes, blocks),
    refreshes: refreshShares.map((share) => Math.round(blocks * share)),
  });
  const told = toldOf(figures, tokenStarts, blockBytes);
  const perToken = (column: Float64Array, i: number) =>
    ((column[i] as number) * blockBytes) / Math.max(1, told.countedTokens);
  const reads = memories.map((_, i) => {
    const plays = refreshShares
      .map((_, play) => perToken(figures.kernel, i * refreshShares.length + play))
      .sort((a, b) => a - b);
    const [kernel, optimum] = [plays[plays.length >> 1] as number, perToken(figures.belady, i)];
    const tokensPerSecond = (bytes: number) => speed?.tokensPerSecond(bytes, readAheadKib) ?? null;
    return {
      ...{ lru: perToken(figures.lru, i), pins: perToken(figures.pins, i), kernel, optimum },
      ...{ kernelLeast: plays[0] as number, kernelMost: plays.at(-1) as number },
      kernelTokensPerSecond: tokensPerSecond(kernel),
      optimumTokensPerSecond: tokensPerSecond(optimum),
    };
  });
  return { told, reads };
}

/** `memories` ascend; where nothing is left for experts there is nothing to tell. */
async function expertCurve(
  touches: ExpertTouches,
  memories: readonly number[],
): Promise<(ExpertReads | null)[]> {
  const figures = await native.touchCurve({
    ...curveInput(touches),
    capacities: BigUint64Array.from(memories, (memory) => BigInt(Math.max(0, Math.floor(memory)))),
    policies: ['pins', 'belady', 'leastOften', 'leastStale'],
    layers: touches.layers,
  });
  const counted = countedOf(touches.tokenStarts);
  return memories.map((memory, i) => {
    if (memory < 0) return null;
    const perToken = (column: Float64Array) => (column[i] as number) / counted;
    const { lru, pins, belady, leastOften, leastStale } = figures;
    return {
      ...{ memory, lru: perToken(lru), pins: perToken(pins), optimum: perToken(belady) },
      ...{ leastOften: perToken(leastOften), leastStale: perToken(leastStale) },
    };
  });
}

function curveInput({ items, bytes, tokenStarts }: ExpertTouches) {
  return { items, itemCount: bytes.length, itemBytes: bytes, ...playedIn(tokenStarts) };
}

/** The later half of the tokens; of a single one itself. */
function countedOf(tokenStarts: readonly number[]): number {
  return tokenStarts.length - (tokenStarts.length >> 1);
}

function playedIn(
  tokenStarts: readonly number[],
): Pick<NativeCurveOptions, 'passes' | 'counted' | 'windows'> {
  return {
    passes: Uint32Array.from(tokenStarts),
    counted: tokenStarts[tokenStarts.length >> 1] as number,
    windows: Uint32Array.from(windows.filter((width) => width <= tokenStarts.length)),
  };
}

/** What a curve tells besides its points; `unit`: what an item of size 1 is. */
function toldOf(figures: NativeCurve, tokenStarts: readonly number[], unit: number) {
  const { touchedBytes, firstBytes, bytesByDistance, workingSets } = figures;
  const countedTokens = countedOf(tokenStarts);
  const last = bytesByDistance.findLastIndex((bytes) => bytes > 0);
  let sum = 0;
  const reuse = Array.from(bytesByDistance.subarray(0, last + 1), (bytes, n) => {
    sum += bytes;
    return { distance: 2 ** (n + 1) * unit, share: sum / touchedBytes };
  }).filter(({ share }) => share > 0);
  return {
    ...{ tokens: tokenStarts.length, countedTokens, reuse, firstShare: firstBytes / touchedBytes },
    touchedPerToken: (touchedBytes * unit) / countedTokens,
    workingSets: Array.from(workingSets, (size, i) => ({ tokens: windows[i] as number, size: size * unit })),
  };
}
