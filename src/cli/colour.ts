import type { ColourChoice } from '../report/style.js';

let colour: ColourChoice = 'auto';

/** As --color says. */
export function chooseColour(choice: ColourChoice): void {
  colour = choice;
}

export const chosenColour = (): ColourChoice => colour;
