import { Command, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { record } from '../index.js';
import { environmentOf } from '../process/environment.js';
import type { OutputSink } from '../workload/engine.js';
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
  log?: string[];
  account?: boolean;
  env?: string[];
  commandOutput: 'log' | 'pass' | 'none';
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
          logs: flags.log,
          commandOutput: sinkOf(flags),
          account: flags.account,
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

/** What is passed on leaves stdout alone where a summary is to be printed there. */
function sinkOf({ commandOutput, json = false }: RecordFlags): OutputSink {
  if (commandOutput !== 'pass') return commandOutput;
  return (name, bytes) => {
    const stream = process[json ? 'stderr' : name];
    // Only text is made fit for a terminal.
    stream.write(stream.isTTY ? bytes.toString() : bytes);
  };
}
