import type { RunTouches } from '../heat/run-touches.js';
import { type Guess, tokenExperts } from '../heat/token-experts.js';
import type { Model } from '../model/gguf.js';
import { modelRegions } from '../model/regions.js';
import { usedRegions } from '../model/uses.js';
import type { AccessPattern } from './simulate.js';

/** More tokens than this show nothing more, and take longer. */
const mostTokens = 24;

/** A pattern and how much of it was seen in the trace rather than guessed: 0 to 1. */
export interface ReadPattern {
  pattern: AccessPattern;
  seenShare: number;
}

/**
 * What tokens touch: of a dense model all of it, of a mixture the experts that a run's reads tell. Of the first `most`
 * tokens; advice needs no more.
 */
export function accessPattern(
  model: Model,
  run: RunTouches,
  tokens: number,
  guess: Guess,
  most = mostTokens,
): ReadPattern {
  if (run.seen) return seenPattern(model, run, tokens, most);
  const regions = modelRegions(model);
  const indexOf = new Map(regions.map(({ part, offset }, i) => [`${part}:${offset}`, i]));
  const used = usedRegions(model);
  const indicesOf = (...kinds: string[]) =>
    used
      .filter(({ use }) => kinds.includes(use.kind))
      .map(({ region }) => indexOf.get(`${region.part}:${region.offset}`) as number);
  // What nobody knows the use of is there for some reason.
  const everyToken = indicesOf('whole', 'unknown');
  const lookedUp = used.flatMap(({ region, use }) => {
    const index = indexOf.get(`${region.part}:${region.offset}`) as number;
    return use.kind === 'rows' ? new Array<number>(use.least).fill(index) : [];
  });
  const experts = model.experts
    ? tokenExperts(run, tokens, model.experts.used, guess, most)
    : { byToken: Array.from({ length: Math.min(tokens, most) }, () => []), seenShare: 1 };
  // Layers in their order, then what belongs to none: the output.
  const place = (index: number) => regions[index]?.layer ?? Number.POSITIVE_INFINITY;
  const inOrder = (touched: number[]) => touched.sort((a, b) => place(a) - place(b) || a - b);
  const ofTokens = experts.byToken.slice(0, most).map((some) => inOrder([...everyToken, ...some]));
  const promptExperts = [...run.promptRegions].filter((i) => regions[i]?.expert !== null);
  return {
    pattern: { regions, prompt: inOrder([...everyToken, ...promptExperts]), tokens: ofTokens, lookedUp },
    seenShare: experts.seenShare,
  };
}

/** Of a region of which a token uses less than this share, it looks up rows. */
const rowsShare = 0.5;

/** What was seen, whatever rules tell: regions in the order of their first use. */
function seenPattern(model: Model, run: RunTouches, tokens: number, most: number): ReadPattern {
  const regions = modelRegions(model);
  const ofTokens = Array.from({ length: Math.min(tokens, most) }, (): number[] => []);
  const lookUps = new Map<number, number>();
  for (const { token, region, bytes } of run.touches) {
    if (token >= ofTokens.length) continue;
    if (bytes >= (regions[region]?.bytes ?? 0) * rowsShare) ofTokens[token]?.push(region);
    else lookUps.set(region, (lookUps.get(region) ?? 0) + 1);
  }
  const lookedUp = [...lookUps].flatMap(([region, times]) =>
    new Array<number>(Math.ceil(times / ofTokens.length)).fill(region),
  );
  const prompt = [...run.promptRegions].filter((region) => !lookUps.has(region));
  return { pattern: { regions, prompt, tokens: ofTokens, lookedUp }, seenShare: 1 };
}
