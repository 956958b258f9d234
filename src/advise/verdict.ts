import { greatest } from '../extremes.js';
import { formatSize, threeDigits } from '../memory/size.js';
import type { Model } from '../model/gguf.js';
import type { Advice } from './changes.js';
import { undisturbed } from './speed.js';
import { computeBound } from './subject.js';

/** Less of what a token touches than this read again is as good as nothing. */
const nothingRead = 0.01;
/** A gain below this is within the spread of repeats. */
const worthwhile = 1.05;

/** What a run's advice comes to, in a sentence or two. */
export function verdictOf(advice: Omit<Advice, 'verdict'>, model: Model): string {
  const { measured, bound, changes } = advice;
  const own = undisturbed(measured.tokensPerSecond, bound);
  if (measured.bytesPerToken < bound.touchedBytesPerToken * nothingRead)
    return `Memory is enough: ${formatSize(Math.round(measured.bytesPerToken))} are read for each token, which uses ${formatSize(Math.round(bound.touchedBytesPerToken))}. Neither pinning nor readahead nor more memory can help; only faster computation can.`;
  if (bound.computeNsPerToken * own > computeBound * 1e9)
    return 'Computation takes most of the time of a token: fewer reads would change little.';
  const best = changes.find(({ conditions }) => conditions.memoryBytes === undefined);
  const gain = (best?.tokensPerSecond.likely ?? 0) / own;
  if (!best || gain < worthwhile)
    return 'Only more memory helps: every other change is predicted to give less than 5 %.';
  const range = [best.tokensPerSecond.low, best.tokensPerSecond.high].map(threeDigits).join(' to ');
  const alone = own > measured.tokensPerSecond * worthwhile ? ` (${threeDigits(own)} if left alone)` : '';
  const first = `Best without more memory: ${best.title}, ${range} tokens/s for ${threeDigits(measured.tokensPerSecond)}${alone}.`;
  return [first, ofPinning(advice, model)].filter(Boolean).join(' ');
}

/** Where pinning alone is no help, or harms, that is said. */
function ofPinning({ changes, measured, bound }: Omit<Advice, 'verdict'>, model: Model): string {
  const own = undisturbed(measured.tokensPerSecond, bound);
  const pins = changes.filter(
    ({ conditions }) => conditions.pinBytes !== undefined && conditions.readAheadKib === undefined,
  );
  const best = greatest(pins.map(({ tokensPerSecond }) => tokensPerSecond.likely));
  if (pins.length === 0) return 'There is no room to pin at this readahead.';
  if (best >= own * worthwhile) return '';
  const why = model.experts ? ': a fixed choice of experts saves no more reads than the kernel does' : '';
  const harm = best < own / worthwhile ? 'makes it slower' : 'does not help';
  return `Pinning at this readahead ${harm}${why}.`;
}
