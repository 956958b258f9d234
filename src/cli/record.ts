import { Command } from 'commander';
import { given } from '../experiment/trace-options.js';
import { record } from '../index.js';
import { environmentOf } from '../process/environment.js';
import {
  collect,
  environmentOption,
  positive,
  seconds,
  type TraceFlags,
  traceOptions,
  traceSettings,
} from './options.js';
import { showRun, withSession } from './session.js';

interface RecordFlags extends TraceFlags {
  device?: string[];
  file?: string[];
  duration?: number;
  attach?: number;
  env?: string[];
}

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
    .option('--duration <seconds>', 'stop after this time', seconds)
    .addOption(environmentOption())
    .argument('[command...]', 'after --: the command and its arguments')
    .action(run);
  for (const option of traceOptions()) command.addOption(option);
  return command;
}

async function run(command: string[], flags: RecordFlags): Promise<void> {
  const finished = await withSession(
    (session) =>
      record({
        ...traceSettings(flags),
        ...given({
          devices: flags.device,
          files: flags.file,
          durationMs: flags.duration,
          attach: flags.attach,
          env: flags.env && environmentOf(flags.env),
          command: command.length > 0 ? command : undefined,
        }),
        ...session,
        commandLine: process.argv,
      }),
    { watch: flags.watch ? command.join(' ') || (flags.device ?? flags.file ?? []).join(' ') : undefined },
  );
  await showRun(finished, flags.json ?? false);
}
