import { record } from '../../api/experiments.js';
import { given } from '../../experiment/trace-options.js';
import { environmentOf } from '../../process/environment.js';
import type { OutputSink } from '../../workload/engine.js';
import { type TraceFlags, traceSettings } from '../options.js';
import { showRun, withSession } from '../session.js';

export interface RecordFlags extends TraceFlags {
  device?: string[];
  file?: string[];
  duration?: number;
  attach?: number;
  log?: string[];
  account?: boolean;
  env?: string[];
  commandOutput: 'log' | 'pass' | 'none';
}

export async function makeRecording(command: string[], flags: RecordFlags): Promise<void> {
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
