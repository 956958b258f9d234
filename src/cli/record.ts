import { Command, Option } from 'commander';
import type { RecordFlags } from './handlers/record.js';
import { collect, environmentOption, positive, seconds, traceOptions } from './options.js';

export function recordCommand(): Command {
  const command = new Command('record')
    .option('-d, --device <device>', 'a device to trace; can be repeated', collect)
    .option(
      '--file <path>',
      'a file to report reads of; its disk is traced; can be repeated (default: large files that the command names)',
      collect,
    )
    .option(
      '--attach <pid>',
      'look at a process that runs already, such as a server; it is not changed; ends with it, after --duration or with Ctrl-C',
      positive,
    )
    .option(
      '--log <file>',
      'with --attach: a file that the log of the process is written to by somebody else (journalctl -fu ollama >FILE); can be repeated',
      collect,
    )
    .option('--account', 'also tell what became of every byte read of the files')
    .option('--duration <seconds>', 'stop after this time', seconds)
    .addOption(
      new Option(
        '--command-output <where>',
        'what becomes of what the command prints: up to 64 MiB of it go into workload.log, all is passed on to the terminal, or none is kept',
      )
        .choices(['log', 'pass', 'none'])
        .default('log'),
    )
    .addOption(environmentOption())
    .argument('[command...]', 'after --: the command and its arguments')
    .action(async (command: string[], flags: RecordFlags) =>
      (await import('./handlers/record.js')).makeRecording(command, flags),
    );
  for (const option of traceOptions()) command.addOption(option);
  return command;
}
