import { greatest, smallest } from '../extremes.js';
import { countUses } from '../heat/expert-uses.js';
import type { Model } from '../model/gguf.js';
import { planPins } from '../pin/pin-plan.js';
import type { Foreseen } from './changes.js';
import type { ReadPattern } from './pattern.js';
import { type AccessPattern, type Simulated, simulate } from './simulate.js';
import type { SpeedModel } from './speed.js';

/** What a run was made with, and what was measured. Bytes; ns. */
export interface Measured {
  /** Of a page of memory. */
  pageBytes: number;
  /** For the model's pages. */
  memoryBytes: number;
  readAheadKib: number;
  pinnedBytes: number;
  bytesPerToken: number;
  /** Whether weights came from the file as tokens touched them; if not, what was read tells nothing of the model's error. */
  fromDisk: boolean;
}

export interface RunConditions {
  memoryBytes: number;
  readAheadKib: number;
  pinnedBytes: number;
  /** Of the run's own compute. */
  compute?: Foreseen;
}

export interface Prediction {
  bytes: Foreseen;
  tokensPerSecond: Foreseen;
  /** Read ahead and never used, most likely. */
  unusedBytes: number;
}

/**
 * How far the model was off in the runs of docs/findings.md. A plan of experts holds less of what other tokens use than of those
 * that it was made from: up to 1.43 times as much was read as foreseen.
 */
const bytesMargin = { less: 0.15, more: 0.15, moreWithPlan: 0.45 };
/** Of a token's speed, beyond what its bytes make uncertain: at the run's own readahead, and at another. */
const speedMargin = { own: 0.1, other: 0.25 };
/** How much of the memory that is left for the model's pages they were seen to take. */
const memoryFactors = [0.94, 0.97, 1];
/** Beyond this the run is unlike the model, and its factor says nothing of other conditions. */
const mostFactor = 1.4;

/** Foresees what a run would read under other conditions. */
export class Predictor {
  readonly modelled: Simulated;
  /** What the run read, by what the model makes of it. */
  readonly #factor: number;
  /** How far off predictions may be. */
  readonly #factors: readonly number[];

  /** `patterns`: the likely one first, then others that the trace does not exclude. */
  constructor(
    private readonly model: Model,
    private readonly measured: Measured,
    private readonly patterns: readonly ReadPattern[],
    private readonly speed: SpeedModel,
  ) {
    this.modelled = this.#simulated(measured)[0] as Simulated;
    const told = measured.fromDisk && this.modelled.bytesPerToken > 0;
    const factor = told ? measured.bytesPerToken / this.modelled.bytesPerToken : 1;
    this.#factor = Math.min(mostFactor, Math.max(1 / mostFactor, factor));
    this.#factors = measured.fromDisk ? [1, this.#factor] : [1 / mostFactor, mostFactor];
  }

  predict(conditions: RunConditions): Prediction {
    const own = conditions.readAheadKib === this.measured.readAheadKib;
    // Where only memory differs the model is off as it was for the run; a pin takes away what made it so.
    const scale = own && conditions.pinnedBytes === this.measured.pinnedBytes ? this.#factor : 1;
    // Near the memory that a set of experts needs, a little more or less of it makes much of a difference.
    const simulated = memoryFactors.flatMap((factor) =>
      this.#simulated({ ...conditions, memoryBytes: takenOf(conditions, factor) }),
    );
    const all = simulated.flatMap(({ bytesPerToken }) =>
      this.#factors.map((factor) => bytesPerToken * factor),
    );
    const likely = meanOf(simulated.filter((_, i) => i % this.patterns.length === 0));
    const planned = conditions.pinnedBytes > 0 && this.model.experts !== null;
    const bytes: Foreseen = {
      low: smallest(all) * (1 - bytesMargin.less),
      likely: likely.bytesPerToken * scale,
      high: greatest(all) * (1 + (planned ? bytesMargin.moreWithPlan : bytesMargin.more)),
    };
    const margin = own ? speedMargin.own : speedMargin.other;
    const { low, likely: usual, high } = conditions.compute ?? { low: 1, likely: 1, high: 1 };
    const speed = (read: number, factor: number) =>
      this.speed.tokensPerSecond(read, conditions.readAheadKib, this.speed.computeNs * factor);
    return {
      bytes,
      tokensPerSecond: {
        low: speed(bytes.high, high) * (1 - margin),
        likely: speed(bytes.likely, usual),
        // a token that reads nothing computes all the same
        high: Math.min(speed(bytes.low, low) * (1 + margin), speed(0, low)),
      },
      unusedBytes: likely.unusedBytesPerToken,
    };
  }

  #simulated({ memoryBytes, readAheadKib, pinnedBytes }: RunConditions): Simulated[] {
    const { pageBytes } = this.measured;
    return this.patterns.map(({ pattern }) => {
      if (pinnedBytes === 0) return simulate(pattern, { pageBytes, memoryBytes, readAheadKib, pinned: [] });
      return meanOf(
        halves(pattern).map(([planned, played]) => {
          const uses = this.model.experts ? countUses(pattern.regions, planned.tokens) : null;
          const pinned = planPins(this.model, pinnedBytes, uses).parts;
          return simulate(played, { pageBytes, memoryBytes, readAheadKib, pinned });
        }),
      );
    });
  }
}

/** What is pinned is there to the byte; of the rest the model's pages take a part. */
function takenOf({ memoryBytes, pinnedBytes }: RunConditions, factor: number): number {
  const rest = Math.max(0, memoryBytes - pinnedBytes);
  return memoryBytes - rest * (1 - factor);
}

/**
 * A plan made from some tokens holds less of what others use: each half of the tokens is played under a plan from the other
 * half. A single token is its own plan.
 */
function halves(pattern: AccessPattern): [planned: AccessPattern, played: AccessPattern][] {
  const middle = pattern.tokens.length >> 1;
  if (middle === 0) return [[pattern, pattern]];
  const [first, second] = [pattern.tokens.slice(0, middle), pattern.tokens.slice(middle)];
  const [one, other] = [
    { ...pattern, tokens: first },
    { ...pattern, tokens: second },
  ];
  return [
    [one, other],
    [other, one],
  ];
}

function meanOf(all: readonly Simulated[]): Simulated {
  const mean = (value: (one: Simulated) => number) =>
    all.reduce((sum, one) => sum + value(one), 0) / all.length;
  return {
    bytesPerToken: mean(({ bytesPerToken }) => bytesPerToken),
    unusedBytesPerToken: mean(({ unusedBytesPerToken }) => unusedBytesPerToken),
    waitsPerToken: mean(({ waitsPerToken }) => waitsPerToken),
  };
}
