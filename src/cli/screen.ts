import { relative } from 'node:path';
import { fit } from '../report/fit.js';
import { type Screen, screenOf } from '../report/screen.js';
import type { ColourChoice } from '../report/style.js';

let colour: ColourChoice = 'auto';

/** As --color says. */
export function chooseColour(choice: ColourChoice): void {
  colour = choice;
}

/** A path as a user in this folder would write it. */
export function shortPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere === '' ? '.' : fromHere.startsWith('..') ? path : fromHere;
}

/** Where stdout goes. */
export function stdoutScreen(): Screen {
  return screenOf(process.stdout, colour);
}

/** Prints text for people; no line is longer than the terminal. */
export function print(text: string): void {
  process.stdout.write(fit(text, stdoutScreen().columns));
}
