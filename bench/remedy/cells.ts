import type { SynthesizeOptions } from '../../dist/index.js';

/** Models of random weights, small, so that a cell takes seconds; and the threads that run them. */
export const models = {
  dense: { synthesize: { preset: 'demo', bytes: 778e6 }, threads: 2 },
  zipf2: { synthesize: { preset: 'gpt-oss-1b', layers: 4, router: { zipf: 2 } }, threads: 1 },
  zipf1: { synthesize: { preset: 'gpt-oss-1b', layers: 4, router: { zipf: 1 } }, threads: 1 },
  uniform: { synthesize: { preset: 'gpt-oss-1b', layers: 4 }, threads: 1 },
} as const satisfies Record<string, { synthesize: SynthesizeOptions; threads: number }>;

export type ModelName = keyof typeof models;

/** One combination of conditions, under which all variants run. */
export interface Cell {
  model: ModelName;
  /** The limit, the workload's own memory included, in percent of the model's size. */
  memoryPercent: number;
  readAheadKib: number;
}

export const variants = ['as is', 'from start', 'pin', 'pin, plan', 'advised'] as const;
export type Variant = (typeof variants)[number];

/** One run's figures; bytes and tokens per second. */
export interface Measurement extends Cell {
  variant: Variant;
  round: number;
  tokensPerSecond: number;
  bytesPerToken: number;
  pinnedBytes: number;
  /** What `advise` on the cell's first run as is foresaw for it; null where it foresaw nothing. */
  foreseenBytesPerToken: number | null;
  foreseenTokensPerSecond: number | null;
  /** Of the run: the tokens per second of its bound, and the part of it that compute allows. */
  boundTokensPerSecond: number;
  computeTokensPerSecond: number | null;
  /** What was advised. */
  title: string | null;
}

export const cellName = ({ model, memoryPercent, readAheadKib }: Cell): string =>
  `${model} ${memoryPercent} % ${readAheadKib} KiB`;
