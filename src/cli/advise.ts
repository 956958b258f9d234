import { Command } from 'commander';
import { given } from '../experiment/trace-options.js';
import { advise, openRun, renderAdvice, renderVerified, verify } from '../index.js';
import { positive } from './options.js';
import { stdoutScreen } from './screen.js';
import { withSession } from './session.js';

interface AdviseFlags {
  touches?: string;
  verify?: boolean;
  best: number;
  mount?: boolean;
  json?: boolean;
}

export function adviseCommand(): Command {
  return new Command('advise')
    .argument('<run>', 'the run folder')
    .option(
      '--touches <run>',
      'a run of the same model with --profile-touches, which shows the experts that tokens use',
    )
    .option('--verify', 'run again with the best changes, and print what was predicted and measured')
    .option('--best <count>', 'with --verify: how many changes to try', positive, 2)
    .option('--mount', 'with --verify: mount tracefs and debugfs for the runs where they are not mounted')
    .option('--json', 'print everything as JSON, with the curve')
    .action(run);
}

async function run(path: string, flags: AdviseFlags): Promise<void> {
  await using advised = await openRun(path);
  await using touches = flags.touches === undefined ? null : await openRun(flags.touches);
  const options = given({ touches: touches ?? undefined });
  const advice = await advise(advised, options);
  const screen = stdoutScreen();
  if (!flags.json) process.stdout.write(renderAdvice(advice, screen));
  const verified = flags.verify
    ? await withSession((session) =>
        verify(advised, advice, {
          ...options,
          ...session,
          ...given({ mount: flags.mount }),
          best: flags.best,
          commandLine: process.argv,
        }),
      )
    : null;
  if (flags.json) process.stdout.write(`${JSON.stringify({ ...advice, verified }, null, 2)}\n`);
  else if (verified) process.stdout.write(`\n${renderVerified(verified, screen)}`);
}
