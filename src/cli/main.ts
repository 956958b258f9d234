#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { BlkscopeError, exitCodes } from '../errors.js';
import { asBlkscopeError } from '../native/native-error.js';
import { printable } from '../report/printable.js';
import { version } from '../run/versions.js';
import { commands } from './commands.js';

const program = new Command('blkscope')
  .description(
    'Shows which bytes of a model an inference run really pulls from the disk, how often and at what cost.',
  )
  .version(version)
  .configureOutput({ outputError: (text, write) => write(usageError(text)) })
  .exitOverride();

const asked = Object.entries(commands).filter(([name]) => name === process.argv[2]);
const versionAsked = ['--version', '-V'].includes(process.argv[2] ?? '');
for (const [, load] of asked.length > 0 || versionAsked ? asked : Object.entries(commands)) {
  program.addCommand((await load()).copyInheritedSettings(program));
}

// A reader that goes away (head, less) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});
// Steps and warnings that nobody reads must not end a run before it has put things back.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = tell(error);
}

/** commander's complaint as one line of ours. */
function usageError(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return `blkscope: ${printable(line)}; blkscope COMMAND --help lists the options\n`;
}

/** One line for the user, and the exit code. $BLKSCOPE_DEBUG adds the stack. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const known = asBlkscopeError(error);
  process.stderr.write(`blkscope: ${printable(known.message)}\n`);
  if (process.env.BLKSCOPE_DEBUG) process.stderr.write(`${known.stack}\n`);
  return known instanceof BlkscopeError ? known.exitCode : exitCodes.internal;
}
