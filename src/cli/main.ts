#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { BlkscopeError, exitCodes } from '../errors.js';
import { becomeCaller } from '../files/caller.js';
import { asBlkscopeError } from '../native/native-error.js';
import { printable } from '../report/printable.js';
import { version } from '../run/versions.js';
import { asDamagedStore } from '../store/damaged-store.js';
import { commandList, commands } from './commands.js';
import { endWithReader, removeUnfinishedAtEnd } from './ending.js';
import { guardTerminal, onFirstUse } from './terminal-edge.js';
import { isVerbose } from './terminal-progress.js';
import { withoutRoot } from './without-root.js';

const program = new Command('blkscope')
  .description(
    'Shows which bytes of a model an inference run really pulls from the disk, how often and at what cost.',
  )
  .version(version)
  .configureOutput({ outputError: (text, write) => write(usageError(text)) })
  .exitOverride();

// One command is loaded, or none: for a list of them their names and lines are enough.
const name = process.argv[2] ?? '';
const load = Object.hasOwn(commands, name) ? commands[name] : undefined;

onFirstUse('stdout', (stdout) => {
  guardTerminal(stdout);
  endWithReader(stdout, tell);
});
onFirstUse('stderr', (stderr) => {
  guardTerminal(stderr);
  // Steps and warnings that nobody reads must not end a run before it has put things back.
  stderr.on('error', () => {});
});
removeUnfinishedAtEnd();

// What needs no root has none: sudo gives nobody the files of others by these.
if (withoutRoot.includes(name)) becomeCaller();

parse().catch((error: unknown) => {
  process.exitCode = tell(error);
});

async function parse(): Promise<void> {
  if (load) program.addCommand((await load()).copyInheritedSettings(program));
  else for (const [each, { about }] of Object.entries(commandList)) program.command(each).description(about);
  program.addHelpText(
    'after',
    '\nA run:\n  sudo blkscope run -m model.gguf --limit 2G\n  blkscope report runs/NAME\n\nblkscope COMMAND --help tells more of a command.',
  );
  await program.parseAsync();
}

/** commander's complaint as one line of ours. */
function usageError(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const command = load ? name : 'COMMAND';
  return `blkscope: ${printable(line)}${programHint(line)}; blkscope ${command} --help lists the options\n`;
}

/** An unknown option may be one of the program that the command is to run. */
function programHint(line: string): string {
  const mayBeOfProgram = commandList[name]?.program && !process.argv.includes('--');
  return mayBeOfProgram && /^unknown option (?!.*Did you mean)/.test(line)
    ? '; what the program is given stands after --'
    : '';
}

/** One line for the user, and the exit code. -v and $BLKSCOPE_DEBUG add the stack. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const known = asBlkscopeError(asDamagedStore(error));
  process.stderr.write(`blkscope: ${printable(known.message)}\n`);
  if (isVerbose() || process.env.BLKSCOPE_DEBUG)
    process.stderr.write(`${known.stack?.split('\n').map(printable).join('\n')}\n`);
  return known instanceof BlkscopeError ? known.exitCode : exitCodes.internal;
}
