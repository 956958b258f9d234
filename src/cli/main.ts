#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { asBlkscopeError } from '../capture/native-error.js';
import { BlkscopeError, exitCodes, version } from '../index.js';
import { compareCommand } from './compare.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { exportCommand } from './export.js';
import { importCommand } from './import.js';
import { lockCommand } from './lock.js';
import { mapCommand } from './map.js';
import { pinCommand } from './pin.js';
import { queryCommand } from './query.js';
import { recordCommand } from './record.js';
import { recoverCommand } from './recover.js';
import { reportCommand } from './report.js';
import { runCommand } from './run.js';
import { sweepCommand } from './sweep.js';

const program = new Command('blkscope')
  .description(
    'Shows which bytes of a model an inference run really pulls from the disk, how often and at what cost.',
  )
  .version(version)
  .configureOutput({ outputError: (text, write) => write(usageError(text)) })
  .exitOverride();

for (const command of [
  doctorCommand(),
  runCommand(),
  recordCommand(),
  importCommand(),
  reportCommand(),
  compareCommand(),
  sweepCommand(),
  mapCommand(),
  exportCommand(),
  queryCommand(),
  lockCommand(),
  pinCommand(),
  recoverCommand(),
  demoCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

// A reader that goes away (head, less) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
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
  return `blkscope: ${line}; blkscope COMMAND --help lists the options\n`;
}

/** One line for the user, and the exit code. $BLKSCOPE_DEBUG adds the stack. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const known = asBlkscopeError(error);
  process.stderr.write(`blkscope: ${known.message}\n`);
  if (process.env.BLKSCOPE_DEBUG) process.stderr.write(`${known.stack}\n`);
  return known instanceof BlkscopeError ? known.exitCode : exitCodes.internal;
}
