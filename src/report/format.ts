import { formatSize, threeDigits } from '../memory/size.js';
import { thousands } from '../thousands.js';

/** How figures look in all reports: three significant digits, thousands separated, units after a space. */

export const size = formatSize;

export function count(value: number): string {
  return thousands(value);
}

/** `noun` gets an s but for one: `1 extent`, `2,000 extents`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `share` is 0 to 1. Never rounds up to 100 % what is not all, nor down to 0 % what is something. */
export function percent(share: number): string {
  const text = (share * 100).toFixed(1);
  if (text === '100.0' && share < 1) return '99.9 %';
  if (text === '0.0' && share > 0) return '<0.1 %';
  return `${text} %`;
}

export function factor(value: number): string {
  return `${value.toFixed(2)} x`;
}

export function rate(bytesPerSecond: number): string {
  return `${formatSize(Math.round(bytesPerSecond))}/s`;
}

export function seconds(ns: number): string {
  return `${threeDigits(ns / 1e9)} s`;
}

export function microseconds(ns: number): string {
  const us = ns / 1e3;
  return us >= 9999.5 ? `${threeDigits(us / 1e3)} ms` : `${threeDigits(us)} us`;
}

export function decimal(value: number): string {
  return threeDigits(value);
}

/** A relative change, as a factor where a percentage would be hard to read: `+12.3 %`, `-0.4 %`, `x 5.99`. */
export function change(from: number, to: number): string {
  if (from === to) return 'same';
  if (from === 0) return 'from 0';
  const ratio = to / from;
  if (ratio >= 2) return `x ${threeDigits(ratio)}`;
  const text = ((ratio - 1) * 100).toFixed(1);
  return text === '0.0' || text === '-0.0' ? 'same' : `${ratio > 1 ? '+' : ''}${text} %`;
}
