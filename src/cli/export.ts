import { Command, Option } from 'commander';
import { BlkscopeError, type ExportFormat, exportFormats, exportRun, given, openRun } from '../index.js';
import { TerminalProgress } from './terminal-progress.js';

interface ExportFlags {
  format: ExportFormat;
  output?: string;
  table?: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write a run as files that other programs read')
    .argument('<run>', 'the run folder')
    .addOption(
      new Option('--format <format>', 'what to write; parquet adds the run to a dataset')
        .choices(exportFormats)
        .makeOptionMandatory(),
    )
    .option('-o, --output <path>', "the file, or the dataset's folder (csv and jsonl: default stdout)")
    .option('--table <table>', 'which table csv and jsonl hold (default: event)')
    .action(async (path: string, { format, output, table }: ExportFlags) => {
      await using run = await openRun(path);
      const streamed = format === 'csv' || format === 'jsonl';
      if (!output && !streamed) {
        throw new BlkscopeError('NO_OUTPUT', `--format ${format} needs a place: name it with -o`);
      }
      const lost = await exportRun(run, { format, output: output ?? '/dev/stdout', ...given({ table }) });
      if (lost) new TerminalProgress().warn(lost);
      if (output) process.stdout.write(`${output}\n`);
    });
}
