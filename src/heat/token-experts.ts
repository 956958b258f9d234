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

/**
 * `used`: how many experts of a layer a token uses; null: the model does not say, and only reads show them. Of the tokens from
 * `most` on it is only counted how much was seen.
 */
export function tokenExperts(
  run: RunTouches,
  tokens: number,
  used: number | null,
  guess: Guess,
  most = tokens,
): TokenExperts {
  const layers = expertsByLayer(run);
  const read = readShares(run, layers, tokens);
  const byToken: number[][] = [];
  let seen = 0;
  for (let token = 0; token < tokens; token++) {
    const regions: number[] = [];
    for (const [number, layer] of layers) {
      const { experts } = layer;
      const found = mostRead(read[token]?.get(number), run.seen ? experts.size : (used ?? experts.size));
      seen += found.length;
      const wanted = run.seen ? found.length : (used ?? found.length);
      const missing =
        token < most && found.length < wanted
          ? guesses(guess, number, token, layer).filter((expert) => !found.includes(expert))
          : [];
      if (token < most)
        for (const expert of [...found, ...missing.slice(0, wanted - found.length)])
          append(regions, experts.get(expert) as number[]);
      for (const expert of found) layer.lastRead.set(expert, token);
    }
    if (token < most) byToken.push(regions.sort((a, b) => a - b));
  }
  const uses = layers.size * (used ?? 0) * tokens;
  return { byToken, seenShare: uses === 0 || run.seen ? 1 : seen / uses };
}

interface Layer {
  /** By expert: its slices' indices. */
  experts: Map<number, number[]>;
  /** By expert that a token so far read: the last such token. */
  lastRead: Map<number, number>;
}

type Layers = Map<number, Layer>;

function expertsByLayer({ regions }: RunTouches): Layers {
  const layers: Layers = new Map();
  regions.forEach(({ layer, expert }, i) => {
    if (layer === null || expert === null) return;
    const own = layers.get(layer) ?? { experts: new Map<number, number[]>(), lastRead: new Map() };
    layers.set(layer, own);
    const slices = own.experts.get(expert) ?? [];
    own.experts.set(expert, slices);
    slices.push(i);
  });
  return layers;
}

/** By expert of a layer: the share of it that was read. */
type Shares = Map<number, number>;

/** By token and layer. */
function readShares({ regions, touches }: RunTouches, layers: Layers, tokens: number): Map<number, Shares>[] {
  const shares = Array.from({ length: tokens }, () => new Map<number, Shares>());
  for (const { token, region, bytes } of touches) {
    const { layer, expert } = regions[region] ?? {};
    const ofToken = shares[token];
    if (layer == null || expert == null || !ofToken) continue;
    const own = ofToken.get(layer) ?? new Map<number, number>();
    ofToken.set(layer, own);
    const slices = layers.get(layer)?.experts.get(expert) ?? [];
    const whole = slices.reduce((sum, i) => sum + (regions[i]?.bytes ?? 0), 0);
    own.set(expert, (own.get(expert) ?? 0) + bytes / whole);
  }
  return shares;
}

/** Of a layer's experts those that a token used, the most read first, as far as its reads show; of equal ones the first. */
function mostRead(shares: Shares | undefined, most: number): number[] {
  return [...(shares ?? [])]
    .filter(([, share]) => share > usedShare)
    .sort(([a, of], [b, other]) => other - of || a - b)
    .slice(0, most)
    .map(([expert]) => expert);
}

/** Experts of a layer in the order in which they are taken to have been used though nothing shows it. */
function guesses(guess: Guess, number: number, token: number, { experts, lastRead }: Layer): number[] {
  if (guess === 'any') return seededOrder(token, `experts ${number}`, experts.size);
  const at = (expert: number) => lastRead.get(expert) ?? -1;
  return [...experts.keys()].sort((a, b) => at(a) - at(b));
}
