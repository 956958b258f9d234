import { Argument, Command } from 'commander';
import type { CommandPage, OptionPage } from './command-pages.js';

const shells = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(pages: () => Promise<CommandPage[]>): Command {
  return new Command('completion')
    .addArgument(new Argument('<shell>', 'for which shell').choices(shells))
    .action(async (shell: (typeof shells)[number]) => {
      process.stdout.write({ bash, zsh, fish }[shell](await pages()));
    });
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const namesOf = ({ short, long }: OptionPage) => [short, long].filter((name) => name !== null);

/** Options, their choices, else files. */
function bash(pages: readonly CommandPage[]): string {
  const cases = pages.map(({ name, options }) => {
    const choices = options
      .filter((option) => option.choices.length > 0)
      .map((option) => `      ${namesOf(option).join('|')}) words=${quoted(option.choices.join(' '))} ;;`);
    const names = options.flatMap(namesOf).join(' ');
    return [
      `  ${name})`,
      `    case "$before" in`,
      ...choices,
      `      *) [[ $word == -* ]] && words=${quoted(names)} ;;`,
      '    esac ;;',
    ].join('\n');
  });
  return `# blkscope completion bash
_blkscope() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [[ $COMP_CWORD -eq 1 ]]; then
    words=${quoted(`${pages.map(({ name }) => name).join(' ')} --help --version`)}
  else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _blkscope blkscope
`;
}

function zsh(pages: readonly CommandPage[]): string {
  const text = (description: string) => description.replaceAll(/[[\]:\\]/g, (each) => `\\${each}`);
  const specs = ({ options }: CommandPage) =>
    options.flatMap((option) => {
      const value = option.takesValue
        ? `:value:${option.choices.length > 0 ? `(${option.choices.join(' ')})` : '_files'}`
        : '';
      return namesOf(option).map((name) => quoted(`${name}[${text(option.description)}]${value}`));
    });
  const cases = pages.map(
    (page) => `    ${page.name}) _arguments -s ${[...specs(page), quoted('*:file:_files')].join(' ')} ;;`,
  );
  const described = pages.map(({ name, about }) => quoted(`${name}:${text(about)}`));
  return `#compdef blkscope
# blkscope completion zsh
_blkscope() {
  local -a commands=(${described.join(' ')})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _blkscope ]]; then _blkscope "$@"; else compdef _blkscope blkscope; fi
`;
}

function fish(pages: readonly CommandPage[]): string {
  const lines = pages.flatMap(({ name, about, options }) => [
    `complete -c blkscope -n __fish_use_subcommand -f -a ${name} -d ${fishText(about)}`,
    ...options.map(({ short, long, takesValue, choices, description }) =>
      [
        `complete -c blkscope -n '__fish_seen_subcommand_from ${name}'`,
        ...(short ? [`-s ${short.slice(1)}`] : []),
        ...(long ? [`-l ${long.slice(2)}`] : []),
        ...(choices.length > 0 ? [`-x -a ${quoted(choices.join(' '))}`] : takesValue ? ['-r'] : []),
        `-d ${fishText(description)}`,
      ].join(' '),
    ),
  ]);
  return `# blkscope completion fish\n${lines.join('\n')}\n`;
}

const fishText = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
