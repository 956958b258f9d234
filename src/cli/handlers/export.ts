import { exportRun } from '../../api/runs.js';
import { BlkscopeError, exitCodes } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import type { ExportFormat } from '../../export/formats.js';
import { openRun } from '../../store/open-run.js';
import { printPath } from '../screen.js';
import { opensByName, StdoutPipe } from '../stdout-pipe.js';
import { TerminalProgress } from '../terminal-progress.js';

export interface ExportFlags {
  format: ExportFormat;
  output?: string;
  table?: string;
  makeQueues?: boolean;
}

export async function writeRun(
  path: string,
  { format, output, table, makeQueues }: ExportFlags,
): Promise<void> {
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
}
