import { holdMemory } from '../../memory/locked-memory.js';
import { formatSize } from '../../memory/size.js';
import { environmentOf } from '../../process/environment.js';
import { keepAlive } from '../../process/keep-alive.js';
import { onAbort } from '../../process/on-abort.js';
import { runBeside } from '../../workload/beside.js';
import { withSession } from '../session.js';

export async function holdLocked(bytes: number, command: string[], flags: { env?: string[] }): Promise<void> {
  const env = environmentOf(flags.env ?? []);
  await withSession(async ({ progress, signal }) => {
    progress.step(`lock ${formatSize(bytes)}`);
    const memory = await holdMemory(bytes, { onProgress: (text) => progress.update(text), signal });
    try {
      progress.step(
        `${formatSize(memory.bytes)} locked; ${command.length > 0 ? 'released when the command ends' : 'Ctrl-C releases it'}`,
      );
      if (command.length > 0) await runBeside(command, signal, env);
      else await aborted(signal);
    } finally {
      memory.close();
    }
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const release = keepAlive();
    onAbort(signal, () => {
      release();
      resolve();
    });
  });
}
