import { Command, Option } from 'commander';
import { exitCodes } from '../errors.js';
import { given } from '../experiment/trace-options.js';
import { BlkscopeError, type ExportFormat, exportFormats, exportRun, openRun } from '../index.js';
import { printPath } from './screen.js';
import { opensByName, StdoutPipe } from './stdout-pipe.js';
import { TerminalProgress } from './terminal-progress.js';

interface ExportFlags {
  format: ExportFormat;
  output?: string;
  table?: string;
  makeQueues?: boolean;
}

export function exportCommand(): Command {
  return new Command('export')
    .argument('<run>', 'the run folder')
    .addOption(
      new Option('--format <format>', 'what to write; parquet adds the run to a dataset')
        .choices(exportFormats)
        .makeOptionMandatory(),
    )
    .option('-o, --output <path>', "the file, or the dataset's folder (csv and jsonl: default stdout)")
    .option('--table <table>', 'which table csv and jsonl hold (default: event)')
    .option('--make-queues', 'blktrace: add the queue events that btt and fio need, at the time of issue')
    .action(async (path: string, { format, output, table, makeQueues }: ExportFlags) => {
      await using run = await openRun(path);
      const streamed = format === 'csv' || format === 'jsonl';
      if (!output && !streamed) {
        throw new BlkscopeError('NO_OUTPUT', `--format ${format} writes files: name the place with -o`);
      }
      const toStdout = !output || output === '/dev/stdout';
      using pipe = toStdout && !opensByName(process.stdout) ? new StdoutPipe(process.stdout) : null;
      const target = pipe?.path ?? output ?? '/dev/stdout';
      const lost = await exportRun(run, { format, output: target, ...given({ table, makeQueues }) }).catch(
        (error) => {
          // A reader that goes away (head, less) is no failure of ours; here the database writes, not Node.
          if (toStdout && error.code === 'EPIPE') process.exit(exitCodes.ok);
          throw error;
        },
      );
      await pipe?.end();
      if (lost) new TerminalProgress().warn(lost);
      if (output) printPath(output);
    });
}
