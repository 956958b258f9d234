import { relative } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { fit } from '../report/fit.js';
import { printable } from '../report/printable.js';
import { type Screen, screenOf } from '../report/screen.js';
import { chosenColour } from './colour.js';

/** A path as a user in this folder would write it. */
export function shortPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere === '' ? '.' : fromHere.startsWith('..') ? path : fromHere;
}

/** Throws BlkscopeError NO_TERMINAL where there is none to show a view on. */
export function requireTerminal(what: string): void {
  if (process.stdout.isTTY && process.stdin.isTTY) return;
  throw new BlkscopeError(
    'NO_TERMINAL',
    `${what} needs a terminal: run it in one, with neither its input nor its output redirected`,
  );
}

/** Where stdout goes. */
export function stdoutScreen(): Screen {
  return screenOf(process.stdout, chosenColour());
}

/** Prints the path of what was written, for people and for scripts: a file or a program gets it as it is. */
export function printPath(path: string): void {
  process.stdout.write(`${process.stdout.isTTY ? printable(path) : path}\n`);
}

/** Prints text for people; no line is longer than the terminal. */
export function print(text: string): void {
  process.stdout.write(fit(text, stdoutScreen().columns));
}
