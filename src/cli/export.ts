import { Command, Option } from 'commander';
import { exportFormats } from '../export/formats.js';
import type { ExportFlags } from './handlers/export.js';

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
    .action(async (path: string, flags: ExportFlags) =>
      (await import('./handlers/export.js')).writeRun(path, flags),
    );
}
