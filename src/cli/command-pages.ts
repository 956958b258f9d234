import type { Command, Option } from 'commander';
import type { ListedCommand } from './listed.js';

/** A command as completions and manual pages tell it; all from its definition. */
export interface CommandPage {
  name: string;
  about: string;
  /** `[options] <run>` */
  usage: string;
  examples: readonly string[];
  arguments: readonly { name: string; description: string }[];
  options: readonly OptionPage[];
}

export interface OptionPage {
  /** The heading that it stands under in the help. */
  group: string;
  /** `-m, --model <file>` */
  flags: string;
  short: string | null;
  long: string | null;
  takesValue: boolean;
  /** The values that it may have; none: any. */
  choices: readonly string[];
  /** With its choices and its default. */
  description: string;
}

/** Every command, in the order of the list. */
export async function commandPages(
  list: Readonly<Record<string, ListedCommand>>,
  commands: Readonly<Record<string, () => Promise<Command>>>,
): Promise<CommandPage[]> {
  const pages = Object.entries(commands).map(async ([name, load]) =>
    pageOf(name, list[name] as ListedCommand, await load()),
  );
  return await Promise.all(pages);
}

function pageOf(name: string, { about, examples }: ListedCommand, command: Command): CommandPage {
  const help = command.createHelp();
  return {
    name,
    about,
    examples,
    usage: command.usage(),
    arguments: help.visibleArguments(command).map((argument) => ({
      name: help.argumentTerm(argument),
      description: help.argumentDescription(argument),
    })),
    options: help.visibleOptions(command).map((option) => optionPage(option, help.optionDescription(option))),
  };
}

function optionPage(option: Option, description: string): OptionPage {
  const { flags, short = null, long = null, argChoices = [], helpGroupHeading = 'Options:' } = option;
  return {
    ...{ flags, short, long, description },
    group: helpGroupHeading,
    takesValue: option.required || option.optional,
    choices: argChoices,
  };
}
