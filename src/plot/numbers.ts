/** Numbers in figures: short, with their unit. */
import { thousands } from '../thousands.js';

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Three significant digits at most. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return thousands(value);
  return String(Number(value.toPrecision(3)));
}

export function bytes(value: number): string {
  let shown = value;
  let unit = 0;
  while (Math.abs(shown) >= 1000 && unit < binaryUnits.length - 1) {
    shown /= 1024;
    unit++;
  }
  return `${short(shown)} ${binaryUnits[unit]}`;
}

export function perSecond(value: number): string {
  return `${bytes(value)}/s`;
}

export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${short(value * 1e6)} us`;
  if (size < 1) return `${short(value * 1e3)} ms`;
  return `${short(value)} s`;
}

export function share(value: number): string {
  return `${short(value * 100)} %`;
}

/** Ticks for bytes: multiples of a power of two, from 0 to at most `most`. */
export function byteTicks(most: number, count: number): number[] {
  if (!(most > 0)) return [0];
  const step = 2 ** Math.max(Math.round(Math.log2(most / count)), 0);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Sums of all values up to each. */
export function runningSums(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}
