import { relative } from 'node:path';
import { type Command, Option } from 'commander';
import { fit } from '../report/fit.js';
import { type Screen, screenOf } from '../report/screen.js';
import { type ColourChoice, colourChoices } from '../report/style.js';

/** As --color says. */
let colour: ColourChoice = 'auto';

/** Gives a command the option --color. */
export function coloured(command: Command): Command {
  return command
    .addOption(
      new Option('--color <when>', 'colours in what is printed; auto: on a terminal, and not with $NO_COLOR')
        .choices(colourChoices)
        .default('auto'),
    )
    .hook('preAction', () => {
      colour = command.opts<{ color: ColourChoice }>().color;
    });
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
