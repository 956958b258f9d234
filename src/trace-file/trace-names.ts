import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { numberText } from '../capture/names.js';

/**
 * blktrace names its files after the device; a trace of one device bears that name here too. The numbers of others
 * may mean another device on this machine, so they stay numbers.
 */
export function deviceNames(
  paths: readonly string[],
  { deviceNumbers: devices }: { deviceNumbers: Uint32Array },
): { number: number; name: string }[] {
  const base = devices.length === 1 && paths.length === 1 ? baseName(paths[0] as string) : null;
  return Array.from(devices, (number) => ({
    number,
    name: base ?? numberText(number),
  }));
}

function baseName(path: string): string | null {
  const isBase = existsSync(`${path}.blktrace.0`) || /\.blktrace\.\d+$/.test(path);
  return isBase ? basename(path).replace(/\.blktrace\.\d+$/, '') : null;
}

export function traceName(paths: readonly string[]): string {
  const first = paths[0] === '-' ? 'stdin' : (paths[0] ?? '');
  return baseName(first) ?? first;
}
