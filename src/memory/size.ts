import { BlkscopeError } from '../errors.js';

const units: Record<string, number> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1e3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
};

/**
 * Bytes of a size as people write it: `15G`, `512MiB`, `800MB`, `1.5g`, `4096`.
 *
 * K, M, G, T and KiB, MiB, GiB, TiB are powers of 1024, KB, MB, GB, TB powers of 1000, as in the GNU coreutils.
 * Throws BlkscopeError BAD_SIZE; `option` names the culprit in it.
 *
 * @example
 * parseSize('1.5G'); // 1_610_612_736
 * parseSize('800MB'); // 800_000_000
 */
export function parseSize(text: string, option = 'size'): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match && units[(match[2] as string).toLowerCase()];
  const bytes = match && unit ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new BlkscopeError(
      'BAD_SIZE',
      `${option}: '${text}' is not a size; write it like 15G, 512MiB or 800MB`,
    );
  }
  return bytes;
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/**
 * A size for people, three significant digits or the exact number of bytes below 1 KiB: `3.80 GiB`, `512 B`.
 *
 * @example
 * formatSize(4_080_263_936); // '3.80 GiB'
 */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < binaryUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${binaryUnits[unit]}`;
}

/** A number with three significant digits, never in exponent form: 0.893, 12.3, 1024. */
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
