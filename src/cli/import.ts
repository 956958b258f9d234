import { Command, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { importTrace } from '../trace-file/import-trace.js';
import { collect } from './options.js';
import { showRun, withSession } from './session.js';

interface ImportFlags {
  file?: string[];
  model?: string;
  output?: string;
  store: boolean;
  json?: boolean;
}

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
    .option('--no-store', 'write the figures only, without the events')
    .option('--json', 'print summary.json instead of the report')
    .action(async (paths: string[], flags: ImportFlags) => {
      const finished = await withSession(({ progress, signal }) =>
        importTrace({
          paths,
          store: flags.store,
          ...given({ files: flags.file, model: flags.model, output: flags.output }),
          progress,
          signal,
          commandLine: process.argv,
        }),
      );
      await showRun(finished, flags.json ?? false);
    });
}
