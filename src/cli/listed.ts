import type { Command } from 'commander';

/** A command: what it does, in a line, how it is used, and how it is loaded. */
export interface ListedCommand {
  about: string;
  examples: readonly string[];
  load: () => Promise<Command>;
  /** The program that it runs has options of its own, after `--`. */
  program?: true;
}
