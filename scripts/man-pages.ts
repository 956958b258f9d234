#!/usr/bin/env -S npx tsx
// Makes man/ from the definitions of the commands.
//   npm run docs:man
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CommandPage, commandPages, type OptionPage } from '../src/cli/command-pages.js';
import { commandList, commands } from '../src/cli/commands.js';
import { exitCodes } from '../src/errors.js';

const folder = fileURLToPath(new URL('../man', import.meta.url));

/** roff takes a backslash, a leading dot or quote and a hyphen for its own. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1');
}

const head = (title: string, about: string) =>
  `.TH ${title.toUpperCase()} 1 "" blkscope "User Commands"\n.SH NAME\n${escaped(title)} \\- ${escaped(about)}\n`;

function optionsOf(options: readonly OptionPage[]): string {
  const groups = [...new Set(options.map(({ group }) => group))];
  return groups
    .map((group) => {
      const listed = options
        .filter((option) => option.group === group)
        .map(({ flags, description }) => `.TP\n.B ${escaped(flags)}\n${escaped(description)}\n`);
      return `.SS ${escaped(group.replace(/:$/, ''))}\n${listed.join('')}`;
    })
    .join('');
}

function page({ name, about, usage, examples, arguments: operands, options }: CommandPage): string {
  const shown = operands.map((each) => `.TP\n.I ${escaped(each.name)}\n${escaped(each.description)}\n`);
  return [
    head(`blkscope-${name}`, about),
    `.SH SYNOPSIS\n.B blkscope ${name}\n${escaped(usage)}\n`,
    shown.length > 0 ? `.SH ARGUMENTS\n${shown.join('')}` : '',
    `.SH OPTIONS\n${optionsOf(options)}`,
    `.SH EXAMPLES\n.nf\n${examples.map((line) => `${escaped(line)}\n`).join('')}.fi\n`,
    '.SH SEE ALSO\n.BR blkscope (1)\n',
  ].join('');
}

function overview(pages: readonly CommandPage[]): string {
  const about = 'shows which bytes of a model an inference run really pulls from the disk';
  const listed = pages.map((each) => `.TP\n.BR blkscope\\-${each.name} (1)\n${escaped(each.about)}\n`);
  const codes = Object.entries(exitCodes).map(([kind, code]) => `.TP\n.B ${code}\n${escaped(kind)}\n`);
  return [
    head('blkscope', about),
    '.SH SYNOPSIS\n.B blkscope\n.I command\n[options]\n',
    `.SH COMMANDS\n${listed.join('')}`,
    `.SH EXIT STATUS\n${codes.join('')}`,
  ].join('');
}

/** Every page by its file's name. */
export async function manPages(): Promise<Map<string, string>> {
  const pages = await commandPages(commandList, commands);
  const ofCommands = pages.map((each) => [`blkscope-${each.name}.1`, page(each)] as const);
  return new Map([['blkscope.1', overview(pages)], ...ofCommands]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = await manPages();
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) if (!pages.has(old)) rmSync(`${folder}/${old}`);
  for (const [name, text] of pages) writeFileSync(`${folder}/${name}`, text);
}
