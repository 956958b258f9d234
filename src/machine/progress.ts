/** Who wants to know how a long operation goes on. The command line shows it; programs may show it their way. */
export interface Progress {
  /** A step begins: `start tracing`. */
  step(name: string): void;
  /** How far the step is: `3.2 of 15 GiB locked`. Called a few times a second. */
  update(text: string): void;
  /** Something the user should know that does not stop the run. */
  warn(text: string): void;
}

export const noProgress: Progress = { step: () => {}, update: () => {}, warn: () => {} };
