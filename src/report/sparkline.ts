import { greatest } from '../extremes.js';

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * A row of bars, the highest value a full one; zero is a blank. Longer series are averaged down to `width` bars.
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.length <= width ? values : averageDown(values, width);
  const peak = Math.max(greatest(shown), 0);
  if (peak === 0) return ' '.repeat(shown.length);
  return shown
    .map((value) => (value <= 0 ? ' ' : bars[Math.min(7, Math.floor((value / peak) * 8))]))
    .join('');
}

function averageDown(values: readonly number[], width: number): number[] {
  return Array.from({ length: width }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / width),
      Math.floor(((i + 1) * values.length) / width),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
