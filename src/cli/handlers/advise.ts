import { advise, verify } from '../../api/advice.js';
import { given } from '../../experiment/trace-options.js';
import { renderAdvice, renderVerified } from '../../report/advice.js';
import { openRun } from '../../store/open-run.js';
import { stdoutScreen } from '../screen.js';
import { withSession } from '../session.js';

export interface AdviseFlags {
  touches?: string;
  verify?: boolean;
  best: number;
  mount?: boolean;
  json?: boolean;
}

export async function adviseOn(path: string, flags: AdviseFlags): Promise<void> {
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
