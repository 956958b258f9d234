import { Command, Option } from 'commander';
import type { ImportFlags } from './handlers/import.js';
import { collect } from './options.js';

export function importCommand(): Command {
  return new Command('import')
    .argument('<trace...>', "blktrace's base names, files of records, or - for standard input")
    .option('-o, --output <dir>', 'the run folder (default: in runs/, named by the time)')
    .option('--file <path>', 'a file to report reads of; can be repeated', collect)
    .addOption(
      new Option('--model <gguf>', 'a model to report reads of, by tensor, layer, role and expert').conflicts(
        'file',
      ),
    )
    .option('--in-order', 'what holds several CPUs is in order of time: read it as it comes, without a copy')
    .option('--no-store', 'write the figures only, without the events')
    .option('--json', 'print summary.json instead of the report')
    .action(async (paths: string[], flags: ImportFlags) =>
      (await import('./handlers/import.js')).readTrace(paths, flags),
    );
}
