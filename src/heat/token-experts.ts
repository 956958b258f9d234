import { append } from '../extremes.js';
import { seededOrder } from '../model/synthetic-weights.js';
import type { RunTouches } from './run-touches.js';

/** The experts that each token used, as far as a run's reads tell. */
export interface TokenExperts {
  /** By token: indices of regions, experts' slices alone. */
  byToken: number[][];
  /** The share of all uses that was seen as a read; the others were in the page cache, and which they were is a guess. */
  seenShare: number;
}

/** What a token is taken to have used where its reads show too few experts. */
export type Guess =
  /** Those that memory most likely held: read once and not again for the longest time. */
  | 'cached'
  /** Any. */
  | 'any';

/** A token has used an expert when more than this share of it was read; readahead alone seldom reads so much of all parts. */
const usedShare = 0.5;

/** `used`: how many experts of a layer a token uses; null: the model does not say, and only reads show them. */
export function tokenExperts(
  run: RunTouches,
  tokens: number,
  used: number | null,
  guess: Guess,
): TokenExperts {
  const layers = expertsByLayer(run);
  const read = readShares(run, layers);
  const byToken: number[][] = [];
  let seen = 0;
  for (let token = 0; token < tokens; token++) {
    const regions: number[] = [];
    for (const [layer, experts] of layers) {
      const found = [...experts.keys()]
        .map((expert) => ({ expert, share: read.get(`${token}.${layer}.${expert}`) ?? 0 }))
        .filter(({ share }) => share > usedShare)
        .sort((a, b) => b.share - a.share)
        .slice(0, run.seen ? experts.size : (used ?? experts.size))
        .map(({ expert }) => expert);
      seen += found.length;
      const missing = guesses(guess, { layer, token, experts, read }).filter(
        (expert) => !found.includes(expert),
      );
      const wanted = run.seen ? found.length : (used ?? found.length);
      for (const expert of [...found, ...missing.slice(0, wanted - found.length)])
        append(regions, experts.get(expert) as number[]);
    }
    byToken.push(regions.sort((a, b) => a - b));
  }
  const uses = layers.size * (used ?? 0) * tokens;
  return { byToken, seenShare: uses === 0 || run.seen ? 1 : seen / uses };
}

/** By layer and expert: its slices' indices. */
type Layers = Map<number, Map<number, number[]>>;

function expertsByLayer({ regions }: RunTouches): Layers {
  const layers: Layers = new Map();
  regions.forEach(({ layer, expert }, i) => {
    if (layer === null || expert === null) return;
    const experts = layers.get(layer) ?? new Map<number, number[]>();
    layers.set(layer, experts);
    experts.set(expert, [...(experts.get(expert) ?? []), i]);
  });
  return layers;
}

/** By token, layer and expert: the share of the expert that was read. */
function readShares({ regions, touches }: RunTouches, layers: Layers): Map<string, number> {
  const shares = new Map<string, number>();
  for (const { token, region, bytes } of touches) {
    const { layer, expert } = regions[region] ?? {};
    if (layer == null || expert == null) continue;
    const whole = (layers.get(layer)?.get(expert) ?? []).reduce(
      (sum, i) => sum + (regions[i]?.bytes ?? 0),
      0,
    );
    const key = `${token}.${layer}.${expert}`;
    shares.set(key, (shares.get(key) ?? 0) + bytes / whole);
  }
  return shares;
}

interface GuessInput {
  layer: number;
  token: number;
  experts: Map<number, number[]>;
  read: Map<string, number>;
}

function guesses(guess: Guess, { layer, token, experts, read }: GuessInput): number[] {
  if (guess === 'any') return seededOrder(token, `experts ${layer}`, experts.size);
  const lastRead = (expert: number) => {
    for (let before = token - 1; before >= 0; before--) {
      if ((read.get(`${before}.${layer}.${expert}`) ?? 0) > usedShare) return before;
    }
    return -1;
  };
  return [...experts.keys()].sort((a, b) => lastRead(a) - lastRead(b));
}
