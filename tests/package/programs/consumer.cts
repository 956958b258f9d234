// A user's CommonJS program in TypeScript. It is compiled, not run.
import type { Summary } from 'blkscope' with { 'resolution-mode': 'import' };

async function bytesOf(path: string): Promise<number> {
  const { openRun } = await import('blkscope/store');
  const { summary }: { summary: Summary } = await openRun(path);
  return summary.reads.bytes;
}

export = bytesOf;
