import { type Command, Option } from 'commander';
import { BlkscopeError } from '../errors.js';
import { type ColourChoice, colourChoices } from '../report/style.js';
import { chooseColour } from './colour.js';
import type { ListedCommand } from './listed.js';
import { chooseDetail } from './terminal-progress.js';

interface CommonFlags {
  color: ColourChoice;
  quiet?: boolean;
  verbose?: boolean;
}

/** Gives a command what all commands have: its line and its examples in the help, --color, -q and -v. */
export function dressed(
  command: Command,
  { about, examples }: Pick<ListedCommand, 'about' | 'examples'>,
): Command {
  const missing = mandatoryOptions(command);
  return command
    .description(about)
    .optionsGroup('What is printed:')
    .addOption(
      new Option('--color <when>', 'colours in what is printed; auto: on a terminal, and not with $NO_COLOR')
        .choices(colourChoices)
        .default('auto'),
    )
    .addOption(
      new Option('-q, --quiet', 'print no steps and no warnings, only results and errors').conflicts(
        'verbose',
      ),
    )
    .option('-v, --verbose', 'print how long steps take, and where an error comes from')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}`)
    .hook('preAction', () => {
      missing();
      refuseEmpty(command);
      const { color, quiet, verbose } = command.opts<CommonFlags>();
      chooseColour(color);
      chooseDetail(quiet ? 'quiet' : verbose ? 'verbose' : 'usual');
    });
}

/**
 * commander looks for mandatory options before it looks for unknown ones, and then tells a misspelt option as a missing
 * one. Here they are looked for last. Returns the check.
 */
function mandatoryOptions(command: Command): () => void {
  const options = command.options.filter(({ mandatory }) => mandatory);
  for (const option of options) {
    option.makeOptionMandatory(false);
    option.description += ' (required)';
  }
  return () => {
    const { flags, description } =
      options.find((each) => command.getOptionValue(each.attributeName()) === undefined) ?? {};
    if (flags === undefined) return;
    const message = `${command.name()} needs ${flags}: ${description?.replace(' (required)', '')}`;
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      `${message}; blkscope ${command.name()} --help lists the options`,
    );
  };
}

/** Nothing is called ''. A variable that a script left unset would else name the working directory, or nothing at all. */
function refuseEmpty(command: Command): void {
  const isEmpty = (value: unknown) => value === '' || (Array.isArray(value) && value.includes(''));
  const option = command.options.find(
    (each) => !each.flags.includes('<text>') && isEmpty(command.getOptionValue(each.attributeName())),
  );
  // What stands after -- is somebody else's.
  const argument = command.registeredArguments.find(
    (each, i) => !['command', 'args'].includes(each.name()) && isEmpty(command.processedArgs[i]),
  );
  if (!option && !argument) return;
  const what = option ? `option '${option.flags}'` : `argument '${argument?.name()}'`;
  throw new BlkscopeError(
    'BAD_ARGUMENT',
    `${what} is empty; blkscope ${command.name()} --help lists the options`,
  );
}
